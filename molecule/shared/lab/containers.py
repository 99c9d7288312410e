# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lab hosts as containers that run systemd: up in seconds, with the kernel of the machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Mapping

from lab import engine, machine
from lab.locks import lock
from lab.model import Host, Lab
from lab.paths import Paths
from lab.progress import step
from lab.recipe import Recipe
from lab.rootfs import ensure_rootfs
from lab.shell import run

LABEL = "berthage.lab"
REPOSITORY = "berthage-lab"
# On the machine's disk, since overlay on overlay fails, bricks need trusted.* attributes, and nfsd exports no overlay.
VOLUMES = ("/var/lib/docker", "/var/lib/glusterd", "/data", "/srv")
# include/uapi/linux/capability.h, by number.
CAPABILITIES = [
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
]


def start(paths: Paths, lab: Lab, recipes: Mapping[str, Recipe]) -> None:
    """Make the network and every host that is missing; start those that stand still; keep those that run."""
    engine.ensure_engine(paths)
    machine.allow_many_watchers(paths)
    for host in lab.hosts:
        _ensure_image(paths, host.image, recipes[host.release])
    _ensure_network(lab)
    there = _states(lab)
    for host in lab.hosts:
        container = container_name(lab, host)
        if container not in there:
            run(_run_command(lab, host))
        elif there[container] != "running":
            run(["docker", "start", container])


def make_image(paths: Paths, recipe: Recipe) -> None:
    """Have the image that such hosts start from, without starting any."""
    engine.ensure_engine(paths)
    _ensure_image(paths, recipe.image, recipe)


def running(lab: Lab, host: Host) -> bool:
    return _states(lab).get(container_name(lab, host)) == "running"


def power_cut(lab: Lab, host: Host) -> None:
    run(["docker", "kill", container_name(lab, host)])


def power_on(_paths: Paths, lab: Lab, host: Host) -> None:
    run(["docker", "start", container_name(lab, host)])


def remove(name: str) -> None:
    """Remove every container, with its anonymous volumes, and every network that carries the lab's label."""
    if not engine.answers():
        return
    label = f"label={LABEL}={name}"
    containers = run(["docker", "ps", "-aq", "--filter", label]).stdout.split()
    if containers:
        run(["docker", "rm", "--force", "--volumes", *containers])
    networks = run(["docker", "network", "ls", "-q", "--filter", label]).stdout.split()
    if networks:
        run(["docker", "network", "rm", *networks])


def labelled() -> tuple[str, ...]:
    """The names of labs that have containers or networks, also those whose files are gone."""
    if not engine.answers():
        return ()
    form = '{{.Label "' + LABEL + '"}}'
    lists = (["docker", "ps", "-a"], ["docker", "network", "ls"])
    lines = [
        line
        for command in lists
        for line in run([*command, "--filter", f"label={LABEL}", "--format", form]).stdout.split()
    ]
    return tuple(sorted(set(lines)))


def container_name(lab: Lab, host: Host) -> str:
    return f"{lab.name}-{host.name}"


def missing_capabilities(status: str, engine_major: int) -> tuple[str, ...]:
    """The capabilities that this machine cannot give, from the bounding set in /proc/self/status.

    Engine 20.10 knows none of the last three: it neither gives nor takes them.
    """
    bounding = next(int(line.split()[1], 16) for line in status.splitlines() if line.startswith("CapBnd:"))
    known = CAPABILITIES if engine_major > 20 else CAPABILITIES[:-3]
    return tuple(name for bit, name in enumerate(known) if not bounding >> bit & 1)


def _run_command(lab: Lab, host: Host) -> list[str]:
    command = ["docker", "run", "--detach", "--name", container_name(lab, host), "--hostname", host.name]
    command += [
        "--stop-signal",
        "SIGRTMIN+3",
        "--label",
        f"{LABEL}={lab.name}",
        "--network",
        f"lab-{lab.name}",
        "--ip",
        host.address,
    ]
    for other in lab.hosts:
        if other != host:
            command += ["--add-host", f"{other.name}:{other.address}"]
    missing = missing_capabilities(Path("/proc/self/status").read_text(), engine.major_version())
    command += ["--cap-add=ALL", *(f"--cap-drop={name}" for name in missing)]
    for option in ("seccomp=unconfined", "apparmor=unconfined", "systempaths=unconfined"):
        command += ["--security-opt", option]
    command += ["--device-cgroup-rule", "a *:* rwm", "--device", "/dev/fuse", "--tmpfs", "/run", "--tmpfs", "/tmp:exec"]
    if engine.cgroup_version() == 1:
        command += ["--cgroupns=host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"]
        # Newer releases refuse to run on the older hierarchy unless told.
        command += ["--env", "SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"]
    else:
        command += ["--cgroupns=private"]
    for directory in VOLUMES:
        command += ["--volume", directory]
    command += ["--env", f"lab_mtu={machine.uplink_mtu()}", f"{REPOSITORY}:{host.image}"]
    return command


def _ensure_image(paths: Paths, image: str, recipe: Recipe) -> None:
    tag = f"{REPOSITORY}:{image}"
    if _has_image(tag):
        return
    # Not under the lock: somebody else's image can be given to the engine while this one is built.
    tar = ensure_rootfs(paths, recipe)
    with lock(paths, "import"):
        if _has_image(tag):
            return
        with step(f"Giving the engine the image {tag}"):
            changes = ('CMD ["/lib/systemd/systemd"]', "ENV container=docker", f"LABEL {LABEL}.image=yes")
            options = [word for change in changes for word in ("--change", change)]
            run(["docker", "import", *options, str(tar), tag])
        _remove_outdated(recipe, tag)


def remove_images() -> None:
    """Take the lab's images from the engine. The root file systems that they were made of are kept."""
    if engine.answers():
        images = run(["docker", "image", "ls", "-q", "--filter", f"label={LABEL}.image"]).stdout.split()
        if images:
            run(["docker", "image", "rm", *images])


def _has_image(tag: str) -> bool:
    return bool(run(["docker", "image", "ls", "-q", tag]).stdout.strip())


def _remove_outdated(recipe: Recipe, tag: str) -> None:
    """Earlier images of the same variant; the engine keeps those that containers still use."""
    pattern = f"reference={REPOSITORY}:{recipe.variant}-*"
    form = "{{.Repository}}:{{.Tag}}"
    for old in run(["docker", "image", "ls", "--filter", pattern, "--format", form]).stdout.split():
        if old != tag:
            run(["docker", "image", "rm", old], check=False)


def _ensure_network(lab: Lab) -> None:
    network = f"lab-{lab.name}"
    if run(["docker", "network", "ls", "-q", "--filter", f"name=^{network}$"]).stdout.strip():
        return
    command = ["docker", "network", "create", "--driver=bridge", f"--subnet={lab.subnet}", f"--gateway={lab.gateway}"]
    command += ["--label", f"{LABEL}={lab.name}", "--opt", f"com.docker.network.bridge.name={lab.bridge}", network]
    run(command)


def _states(lab: Lab) -> dict[str, str]:
    lines = run(
        ["docker", "ps", "-a", "--filter", f"label={LABEL}={lab.name}", "--format", "{{json .}}"]
    ).stdout.splitlines()
    return {str(entry["Names"]): str(entry["State"]) for entry in map(json.loads, lines)}
