# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this host's GlusterFS pool and NFS server are like, for the textfile collector of Prometheus' node-exporter.

Writes berthage_storage.prom as a whole or not at all. What could not be learned is NaN, never 0. Needs Python 3.8 and
nothing else. Installed by the role berthage.swarm.storage_metrics, whose README names the metrics.
"""

from __future__ import annotations

import argparse
import glob
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from typing import Any, Callable, Dict, Iterable, Mapping, Sequence, Tuple
from xml.etree import ElementTree

FILE = "berthage_storage.prom"
NAN = float("nan")
LAST_SUCCESS = "berthage_storage_last_success_timestamp_seconds"
ETAB = "/var/lib/nfs/etab"
THREADS = "/proc/fs/nfsd/threads"
MANAGER = ("org.ganesha.nfsd", "/org/ganesha/nfsd/ExportMgr", "org.ganesha.nfsd.exportmgr")

HELP = {
    "berthage_storage_success": "Whether this part could be asked.",
    LAST_SUCCESS: "When this part could last be asked.",
    "berthage_storage_duration_seconds": "How long asking took.",
    "berthage_glusterfs_peer_connected": "Whether another host of the pool is connected to this one.",
    "berthage_glusterfs_volume_started": "Whether a volume is started.",
    "berthage_glusterfs_brick_online": "Whether a brick of a started volume runs. NaN where nobody knows.",
    "berthage_glusterfs_brick_size_bytes": "The size of a brick's file system.",
    "berthage_glusterfs_brick_free_bytes": "What is free on a brick's file system.",
    "berthage_glusterfs_heal_pending": "Entries that a brick knows of and others lack. NaN where it did not answer.",
    "berthage_glusterfs_split_brain": "Entries whose copies contradict each other. NaN where the brick did not answer.",
    "berthage_nfs_server_up": "Whether a server that has exports configured runs.",
    "berthage_nfs_exports": "How many directories the server exports.",
    "berthage_nfs_export_clients": "How many client specifications an export has.",
}

Sample = Tuple[str, Dict[str, str], float]
Ask = Callable[[Sequence[str]], str]


class NoAnswer(Exception):
    """A question was not answered, or not with what can be read."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse(arguments)
    target = os.path.join(options.directory, FILE)
    ask = asker(options.timeout)
    parts = options.parts or present_parts()
    samples: list[Sample] = []
    failed = []
    for part in parts:
        found, error = collect(part, ask, options.heal, time.time, last_success(target, part))
        samples += found
        if error:
            failed.append(part)
            print(f"{part}: {error}", file=sys.stderr)
    put(target, rendered(samples))
    return 1 if failed else 0


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--directory", required=True)
    parser.add_argument("--timeout", type=int, default=30)
    parser.add_argument("--no-heal", dest="heal", action="store_false")
    parser.add_argument("--parts", type=lambda text: [part for part in text.split(",") if part], default=[])
    return parser.parse_args(arguments)


def present_parts() -> list[str]:
    """What this host is set up for, whether it runs or not."""
    parts = ["glusterfs"] if os.path.exists("/var/lib/glusterd/glusterd.info") else []
    return parts + (["nfs"] if configured_servers() else [])


def collect(
    part: str, ask: Ask, heal: bool, clock: Callable[[], float], last: float | None
) -> tuple[list[Sample], str]:
    """The samples of one part, and why there are none besides those that say so."""
    started = clock()
    try:
        samples = list(glusterfs(ask, heal) if part == "glusterfs" else nfs(ask))
        error = ""
    except (NoAnswer, OSError) as reason:
        samples, error = [], str(reason) or type(reason).__name__
    ended = clock()
    label = {"part": part}
    samples.append(("berthage_storage_success", label, 0.0 if error else 1.0))
    samples.append(("berthage_storage_duration_seconds", label, ended - started))
    succeeded = last if error else ended
    if succeeded is not None:
        samples.append((LAST_SUCCESS, label, succeeded))
    return samples, error


def glusterfs(ask: Ask, heal: bool) -> list[Sample]:
    samples: list[Sample] = []
    connected = set()
    for peer in answer(ask, "pool", "list").iterfind("peerStatus/peer"):
        is_connected = text(peer, "connected") == "1"
        if is_connected:
            connected.add(text(peer, "uuid"))
        if text(peer, "hostname") != "localhost":
            label = {"peer": text(peer, "hostname"), "uuid": text(peer, "uuid")}
            samples.append(("berthage_glusterfs_peer_connected", label, float(is_connected)))
    volumes = list(answer(ask, "volume", "info", "all").iterfind("volInfo/volumes/volume"))
    started = [volume for volume in volumes if text(volume, "statusStr") == "Started"]
    status = bricks_status(ask, [text(volume, "name") for volume in started])
    for volume in volumes:
        is_started = volume in started
        label = {"volume": text(volume, "name"), "type": text(volume, "typeStr")}
        samples.append(("berthage_glusterfs_volume_started", label, float(is_started)))
        if is_started:
            samples += samples_of_bricks(volume, status.get(text(volume, "name"), {}))
            if heal and has_copies(volume):
                samples += samples_of_heals(ask, volume)
    return samples


def bricks_status(ask: Ask, names: Sequence[str]) -> dict[str, dict[tuple[str, str], ElementTree.Element]]:
    """What is said of the bricks, by volume, UUID and path. A volume that another command has locked is left out of the
    answer for all, and is asked for by itself."""
    found: dict[str, dict[tuple[str, str], ElementTree.Element]] = {}
    if not names:
        return found
    questions = ["all", *names]
    for question in questions:
        if question == "all" or question not in found:
            try:
                root = answer(ask, "volume", "status", question, "detail")
            except NoAnswer as reason:
                print(f"volume status {question}: {reason}", file=sys.stderr)
                continue
            for volume in root.iterfind("volStatus/volumes/volume"):
                found[text(volume, "volName")] = {
                    (text(node, "peerid"), text(node, "path")): node for node in volume.iterfind("node")
                }
    return found


def samples_of_bricks(
    volume: ElementTree.Element, status: Mapping[tuple[str, str], ElementTree.Element]
) -> list[Sample]:
    samples: list[Sample] = []
    for brick in volume.iterfind("bricks/brick"):
        name = text(brick, "name")
        node = status.get((text(brick, "hostUuid"), "/" + name.partition(":/")[2]))
        label = {"volume": text(volume, "name"), "brick": name}
        online = NAN if node is None else float(text(node, "status") == "1")
        samples.append(("berthage_glusterfs_brick_online", label, online))
        for metric, field in (("size", "sizeTotal"), ("free", "sizeFree")):
            value = NAN if node is None else number(node, field)
            samples.append((f"berthage_glusterfs_brick_{metric}_bytes", label, value))
    return samples


def has_copies(volume: ElementTree.Element) -> bool:
    return number(volume, "replicaCount") > 1 or number(volume, "disperseCount") > 0


def samples_of_heals(ask: Ask, volume: ElementTree.Element) -> list[Sample]:
    """Of each brick, also of those that did not answer: then it is not known what waits for them."""
    names = [text(brick, "name") for brick in volume.iterfind("bricks/brick")]
    told: dict[str, tuple[float, float]] = {}
    try:
        for brick in answer(ask, "volume", "heal", text(volume, "name"), "info", "summary").iter("brick"):
            total, torn = number(brick, "totalNumberOfEntries"), number(brick, "numberOfEntriesInSplitBrain")
            if text(brick, "status") == "Connected":
                told[text(brick, "name")] = (total - torn, torn)
    except NoAnswer as reason:
        print(f"heal info of {text(volume, 'name')}: {reason}", file=sys.stderr)
    samples: list[Sample] = []
    for name in names:
        label = {"volume": text(volume, "name"), "brick": name}
        pending, torn = told.get(name, (NAN, NAN))
        samples.append(("berthage_glusterfs_heal_pending", label, pending))
        samples.append(("berthage_glusterfs_split_brain", label, torn))
    return samples


def nfs(ask: Ask) -> list[Sample]:
    samples: list[Sample] = []
    servers = configured_servers()
    if not servers:
        raise NoAnswer("no exports are configured, neither of the kernel's server nor of nfs-ganesha")
    for server in servers:
        exports = kernel_exports() if server == "kernel" else ganesha_exports(ask)
        label = {"implementation": server}
        samples.append(("berthage_nfs_server_up", label, float(exports is not None)))
        if exports is None:
            continue
        samples.append(("berthage_nfs_exports", label, float(len(exports))))
        for path, clients in exports.items():
            samples.append(("berthage_nfs_export_clients", {**label, "path": path}, float(clients)))
    return samples


def configured_servers() -> list[str]:
    """Those for which there is a file with exports."""
    kernel = any(
        has_exports(path) for path in ["/etc/exports", *glob.glob("/etc/exports.d/*.exports")] if os.path.isfile(path)
    )
    ganesha = bool(glob.glob("/etc/ganesha/exports.d/*.conf"))
    return (["kernel"] if kernel else []) + (["ganesha"] if ganesha else [])


def has_exports(path: str) -> bool:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return any(line.strip() and not line.lstrip().startswith("#") for line in file)


def kernel_exports(threads: str = THREADS, etab: str = ETAB) -> dict[str, int] | None:
    """How many clients each exported path has in the active table, or nothing where the server does not run."""
    try:
        with open(threads, encoding="ascii") as file:
            if int(file.read()) < 1:
                return None
        with open(etab, encoding="utf-8", errors="surrogateescape") as file:
            return exports_in(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise NoAnswer(f"{threads} holds no number") from error


def exports_in(table: Iterable[str]) -> dict[str, int]:
    """Each line is a path, in which spaces and the like are written as octal numbers, and a client."""
    exports: dict[str, int] = {}
    for line in table:
        words = line.split()
        if len(words) > 1:
            path = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), words[0])
            exports[path] = exports.get(path, 0) + 1
    return exports


def ganesha_exports(ask: Ask) -> dict[str, int] | None:
    """How many clients each export has, or nothing where no server answers on D-Bus."""
    try:
        shown = ganesha(ask, "ShowExports")
    except NoAnswer as reason:
        print(f"nfs-ganesha: {reason}", file=sys.stderr)
        return None
    exports: dict[str, int] = {}
    try:
        for number_, *_rest in shown[1]:
            if number_ != 0:  # the pseudo file system's root
                _number, path, _pseudo, _tag, clients = ganesha(ask, "DisplayExport", "q", str(number_))
                exports[str(path)] = exports.get(str(path), 0) + len(clients)
    except (TypeError, ValueError, IndexError) as error:
        raise NoAnswer(f"nfs-ganesha answered otherwise than expected ({error})") from error
    return exports


def ganesha(ask: Ask, method: str, *arguments: str) -> Any:
    said = ask(["busctl", "--system", "--json=short", "call", *MANAGER, method, *arguments])
    try:
        return json.loads(said)["data"]
    except (ValueError, KeyError, TypeError) as error:
        raise NoAnswer(f"D-Bus answered what is no JSON ({error})") from error


def asker(limit: int) -> Ask:
    """Runs a command, each for so many seconds at most, and returns what it printed."""

    def ask(command: Sequence[str]) -> str:
        try:
            process = subprocess.run(
                command,
                env={**os.environ, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=limit,
                check=False,
            )
        except FileNotFoundError as error:
            raise NoAnswer(f"there is no `{command[0]}` command on this host") from error
        except subprocess.TimeoutExpired as error:
            raise NoAnswer(f"`{' '.join(command)}` took longer than {limit} s") from error
        said = process.stdout.decode(errors="replace")
        if not said.strip():
            raise NoAnswer(
                process.stderr.decode(errors="replace").strip()
                or f"`{' '.join(command)}` ended with status {process.returncode} and said nothing"
            )
        return said

    return ask


def answer(ask: Ask, *words: str) -> ElementTree.Element:
    """The document that gluster answers with, printed by the local daemon's own command."""
    said = ask(["gluster", "--mode=script", "--xml", *words])
    try:
        root = ElementTree.fromstring(said)  # noqa: S314 - from gluster on this very host
    except ElementTree.ParseError as error:
        raise NoAnswer(" ".join(said.split())[:200]) from error
    if text(root, "opRet") != "0":
        raise NoAnswer(text(root, "opErrstr") or f"error {text(root, 'opErrno')}")
    return root


def text(element: ElementTree.Element, name: str) -> str:
    return (element.findtext(name) or "").strip()


def number(element: ElementTree.Element, name: str) -> float:
    value = text(element, name)
    return float(value) if value.isascii() and value.isdigit() else NAN


def last_success(target: str, part: str) -> float | None:
    """From the file that is about to be replaced."""
    try:
        with open(target, encoding="utf-8") as file:
            for line in file:
                if line.startswith(f'{LAST_SUCCESS}{{part="{part}"}} '):
                    return float(line.rpartition(" ")[2])
    except (OSError, ValueError):
        pass  # the first time, or what is there is not ours: then nothing is known of before
    return None


def rendered(samples: Iterable[Sample]) -> str:
    """Prometheus' text format, which wants the samples of one metric together."""
    by_metric: dict[str, list[str]] = {}
    for metric, labels, value in samples:
        named = ",".join(f'{name}="{escaped(text_)}"' for name, text_ in labels.items())
        by_metric.setdefault(metric, []).append(f"{metric}{{{named}}} {in_digits(value)}")
    lines = []
    for metric in sorted(by_metric):
        lines += [f"# HELP {metric} {HELP[metric]}", f"# TYPE {metric} gauge", *by_metric[metric]]
    return "".join(f"{line}\n" for line in lines)


def in_digits(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if value == int(value) else repr(value)


def escaped(value: str) -> str:
    # What is no UTF-8 in a path would make node-exporter refuse the whole file.
    value = value.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def put(target: str, content: str) -> None:
    """Replace the file at once: node-exporter must never read half of it."""
    # Its name ends otherwise, so that node-exporter does not read it.
    with tempfile.NamedTemporaryFile(
        mode="w", encoding="utf-8", dir=os.path.dirname(target), prefix=f".{FILE}.", delete=False
    ) as file:
        try:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o644)
            os.rename(file.name, target)
        except BaseException:
            os.unlink(file.name)
            raise


if __name__ == "__main__":
    sys.exit(main())
