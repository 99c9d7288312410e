# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GlusterFS and NFS through a Docker volume: stock options against ours, in one run for each.

GlusterFS on three hosts, without options and with the profile `containers`; the kernel's NFS server or nfs-ganesha,
with a volume as a tutorial makes it and one as the role makes it. One large file written and read, random blocks of 4
KiB, many small files: a container does all of it on one volume, then on the other, in so many rounds; what counts is
the median. --options measures each option of the profile by itself, --try the given ones together, both against the
stock volume. The hosts are taken away at the end, also when it is interrupted; --keep leaves them for another run to
find. A part with the number 0 is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
from dataclasses import dataclass
from statistics import median
from typing import Mapping, Sequence

from side_by_side import HERE, ROOT, interrupted, lab, verdict

NO_SLOWER = 0.95  # than stock, in each measurement
SMALL_FILES = "many small files"
TIMES_FASTER = 1.5  # than stock, in SMALL_FILES
# Of these the sum counts, which is measured by itself.
PARTS = "small files "
IMAGE = "berthage-bench-host"
LOAD = "/root/storage_load.py"

# By side: what was measured, one figure for each round.
Measured = Mapping[str, Mapping[str, Sequence[float]]]


@dataclass(frozen=True)
class Backend:
    title: str
    lab: str
    # The first one is where the container with the load runs.
    hosts: tuple[str, ...]
    kind: str
    playbook: str
    # Of NFS
    implementation: str = ""


GLUSTERFS = Backend(
    "GlusterFS, three copies", "bench_storage", ("node1", "node2", "node3"), "container", "storage_glusterfs.yml"
)
BACKENDS = {
    "glusterfs": GLUSTERFS,
    "nfs-kernel": Backend(
        "NFS, the kernel's server", "bench_nfs", ("client", "server"), "uml", "storage_nfs.yml", "kernel"
    ),
    "nfs-ganesha": Backend(
        "NFS, nfs-ganesha", "bench_ganesha", ("client", "server"), "uml", "storage_nfs.yml", "ganesha"
    ),
}


def main() -> int:
    options = arguments()
    signal.signal(signal.SIGTERM, interrupted)
    reached = [bench(BACKENDS[name], options) for name in options.backends]
    return 0 if all(reached) else 1


def bench(backend: Backend, options: argparse.Namespace) -> bool:
    try:
        kind = options.kind if backend is GLUSTERFS else backend.kind
        lab("up", backend.lab, f"--hosts={','.join(backend.hosts)}", f"--kind={kind}", "--packages=fio")
        play(backend)
        prepare(backend)
        print(f"\n{backend.title}, {os.cpu_count()} cores, medians of {options.rounds} rounds", flush=True)
        return measure(backend, options)
    finally:
        if not options.keep:
            lab("down", backend.lab)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--backends",
        type=lambda names: names.split(","),
        default=["glusterfs", "nfs-kernel"],
        metavar="NAME,...",
        help=f"of {', '.join(BACKENDS)} (default: glusterfs,nfs-kernel)",
    )
    parser.add_argument("--kind", choices=("container", "uml"), default="container", help="of the hosts of GlusterFS")
    parser.add_argument("--rounds", type=int, default=3, metavar="NUMBER")
    parser.add_argument("--size", default="256M", help="of the large file (default: %(default)s)")
    parser.add_argument("--random", type=int, default=4000, metavar="NUMBER", help="of operations on blocks of 4 KiB")
    parser.add_argument("--files", type=int, default=1000, metavar="NUMBER", help="of small files")
    parser.add_argument("--options", action="store_true", help="each option of the profile `containers` by itself")
    parser.add_argument("--try", dest="tried", metavar="NAME=VALUE,...", help="these options of a GlusterFS volume")
    parser.add_argument("--keep", action="store_true", help="leave the hosts as they are at the end")
    options = parser.parse_args()
    unknown = set(options.backends) - set(BACKENDS)
    if unknown:
        parser.error(f"--backends: {', '.join(sorted(unknown))}: there are {', '.join(BACKENDS)}")
    if (options.options or options.tried) and options.backends != ["glusterfs"]:
        parser.error("--options, --try: only a GlusterFS volume has such options; add --backends=glusterfs")
    return options


def measure(backend: Backend, options: argparse.Namespace) -> bool:
    """Measure what was asked for, and print it. Whether the targets were reached where there are any."""
    asked = json.dumps({"size": options.size, "random": options.random, "files": options.files})
    if options.options:
        for name, value in option_values("ours").items():
            set_options({name: value})
            show(f"{name} {value}", rounds(backend, ("stock", "tried"), options.rounds, asked), with_targets=False)
        return True
    if options.tried:
        set_options(dict(pair.split("=", 1) for pair in options.tried.split(",")))
        show(options.tried, rounds(backend, ("stock", "tried"), options.rounds, asked), with_targets=False)
        return True
    measured = rounds(backend, ("stock", "ours"), options.rounds, asked)
    # The profile is what promises speed; what the role sets of NFS is about safety and restarts.
    return show("stock against ours", measured, with_targets=backend is GLUSTERFS)


def rounds(backend: Backend, sides: Sequence[str], number: int, asked: str) -> Measured:
    """Each side in turn, so that what else the machine does falls on both."""
    found: dict[str, dict[str, list[float]]] = {side: {} for side in sides}
    for _round in range(number):
        for side in sides:
            command = f"docker run --rm --network=none --volume=/usr:/usr:ro --volume={LOAD}:{LOAD}:ro"
            command += f" --volume={side}:/bench {IMAGE} python3 {LOAD} /bench {shlex.quote(asked)}"
            for what, figure in json.loads(on(backend, command).splitlines()[-1]).items():
                found[side].setdefault(what, []).append(figure)
    return found


def show(heading: str, measured: Measured, *, with_targets: bool) -> bool:
    stock, other = measured
    print(f"\n{heading}\n{'':<24} {stock:>9} {other:>9}   ratio (of each round)")
    reached = True
    for what in measured[stock]:
        before, after = measured[stock][what], measured[other][what]
        ratio = median(after) / median(before)
        each = " ".join(f"{b / a:.2f}" for a, b in zip(before, after))
        target = TIMES_FASTER if what == SMALL_FILES else NO_SLOWER
        counts = with_targets and not what.startswith(PARTS)
        reached = reached and (not counts or ratio >= target)
        missed = verdict(not counts or ratio >= target)
        unit = "MiB/s" if what.startswith("sequential") else "/s"
        print(
            f"{what:<24} {median(before):9.0f} {median(after):9.0f} {unit:<5} {ratio:5.2f} ({each}){missed}", flush=True
        )
    return reached


def play(backend: Backend) -> None:
    """Have the roles make both sides."""
    command = ["ansible-playbook", str(HERE / backend.playbook)]
    command += ["--inventory", str(ROOT / ".cache" / "lab" / backend.lab / "inventory.yml")]
    if backend.implementation:
        command.append(f"--extra-vars=nfs_server_implementation={backend.implementation}")
    done = subprocess.run(
        command,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".cache/collections"), "ANSIBLE_NOCOLOR": "true"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{backend.playbook} failed:\n{done.stdout}")


def prepare(backend: Backend) -> None:
    """The client's own programs in an image of nothing but links: they are mounted into it, so nothing is pulled."""
    links = "for name in bin sbin lib lib64; do ln -s usr/$name $d/$name; done"
    make = f"d=$(mktemp -d) && cd $d && {links} && mkdir etc && cp /etc/ld.so.cache etc/"
    make += f" && tar -c . | docker import - {IMAGE}"
    on(backend, f"docker image inspect {IMAGE} >/dev/null 2>&1 || ({make})")
    on(backend, f"cat > {LOAD}", (HERE / "storage_load.py").read_text())


def option_values(volume: str) -> dict[str, str]:
    """The options that are set on a volume and not on the stock one."""
    values = {}
    for name in ("stock", volume):
        lines = on(GLUSTERFS, f"gluster volume info {name}").splitlines()
        begin = lines.index("Options Reconfigured:")
        values[name] = dict(line.split(": ", 1) for line in lines[begin + 1 :] if ": " in line)
    return {name: value for name, value in values[volume].items() if values["stock"].get(name) != value}


def set_options(options: Mapping[str, str]) -> None:
    """The volume `tried` gets these options and no other ones."""
    commands = [f"gluster --mode=script volume reset tried {name}" for name in option_values("tried")]
    commands += [f"gluster --mode=script volume set tried {name} {value}" for name, value in options.items()]
    # A mount takes new options over within a second or two.
    on(GLUSTERFS, " && ".join([*commands, "sleep 5"]))


def on(backend: Backend, command: str, stdin: str = "") -> str:
    """What a command prints on the host with the load."""
    client = backend.hosts[0]
    done = subprocess.run(
        [sys.executable, "-m", "lab", "ssh", backend.lab, client, "--", command],
        env={**os.environ, "PYTHONPATH": str(ROOT / "molecule/shared")},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"{client}: {command}: ended with {done.returncode}:\n{done.stderr}{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
