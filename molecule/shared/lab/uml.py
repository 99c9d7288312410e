# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lab hosts on User-Mode Linux: a real kernel of Debian's as an ordinary process, with disks of its own.

Where its program and its options come from: Debian's package user-mode-linux, and the kernel's
Documentation/virt/uml/user_mode_linux_howto_v2.rst.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Mapping

from lab import machine, umlnet, wide_registers
from lab.disk import disk_path, ensure_disk, kernel_version, make_data_disk
from lab.model import Host, Lab
from lab.paths import Paths
from lab.recipe import Recipe
from lab.shell import LabError

AGAIN = Path(__file__).with_name("uml_again.sh")
MEMORY = "2G"
ROOM_FOR_MEMORY = 2 * 1024**3
KILL_TIMEOUT = 20.0
# Boot takes a third of the time without what looks for hardware that is not there.
NOT_NEEDED = (
    "systemd-udevd.service",
    "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket",
    "systemd-udev-trigger.service",
    "systemd-binfmt.service",
    "kmod-static-nodes.service",
    "modprobe@drm.service",
    "modprobe@efi_pstore.service",
    "modprobe@dm_mod.service",
    "modprobe@loop.service",
    "sys-kernel-debug.mount",
    "sys-kernel-tracing.mount",
    "dev-hugepages.mount",
)


def start(paths: Paths, lab: Lab, recipes: Mapping[str, Recipe]) -> None:
    """Make the network and every host that is missing; keep those that run."""
    for host in lab.hosts:
        if not disk_path(paths, host.image, kernel_version()).exists():
            ensure_disk(paths, recipes[host.release])
    umlnet.ensure_network(paths, lab)
    for host in lab.hosts:
        umlnet.ensure_tap(lab, host)
        power_on(paths, lab, host)


def make_image(paths: Paths, recipe: Recipe) -> None:
    """Have the disk that such hosts start from, without starting any."""
    ensure_disk(paths, recipe)


def running(lab: Lab, host: Host) -> bool:
    return bool(_processes(lab, host))


def power_cut(lab: Lab, host: Host) -> None:
    """Kill every process of the host at once: what its disks do not hold by now is lost."""
    end = time.monotonic() + KILL_TIMEOUT
    while left := _processes(lab, host):
        if time.monotonic() > end:
            raise LabError(f"{host.name}: processes {left} do not end")
        for process in left:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.1)


def power_on(paths: Paths, lab: Lab, host: Host) -> None:
    """Start the host on its disks; the first time they are empty. One that runs is left alone."""
    if running(lab, host):
        return
    directory = paths.lab(lab.name)
    data = directory / f"{host.name}-data.img"
    if not data.exists():
        make_data_disk(data)
    command = [
        *umlnet.inside(lab.name),
        str(AGAIN),
        f"umid={umid(lab, host)}",
        f"uml_dir={directory}",
        f"mem={MEMORY}",
        f"ubd0={directory / (host.name + '.cow')},{disk_path(paths, host.image, kernel_version())}",
        f"ubd1={data}",
        "root=/dev/ubda",
        "rw",
        f"vec0:transport=tap,ifname={umlnet.tap(lab, host)},mac={umlnet.mac(lab, host)},depth=64",
        "con=null",
        "con0=null,fd:1",
        "ssl=null",
        f"systemd.hostname={host.name}",
        "fsck.mode=skip",
        *(f"systemd.mask={unit}" for unit in NOT_NEEDED),
        *kernel_parameters(lab, host, machine.nameserver(), machine.uplink_mtu()),
    ]
    with (directory / f"{host.name}.console").open("ab") as console:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=console,
            stderr=console,
            start_new_session=True,
            cwd=directory,
            env={**os.environ, **wide_registers.environment(paths), "TMPDIR": str(memory_directory(directory))},
        )


def memory_directory(otherwise: Path, shared_memory: Path = Path("/dev/shm")) -> Path:
    """Where the host's memory is a file: in memory, unless there is too little room (containers have 64 MB there)."""
    enough = shared_memory.is_dir() and shutil.disk_usage(shared_memory).free > ROOM_FOR_MEMORY
    return shared_memory if enough else otherwise


def kernel_parameters(lab: Lab, host: Host, dns: str, mtu: int) -> list[str]:
    """What /usr/local/sbin/lab-network reads inside the host."""
    hosts = ",".join(f"{other.name}={other.address}" for other in lab.hosts)
    values = {
        "address": f"{host.address}/24",
        "gateway": lab.gateway,
        "dns": dns,
        "hosts": hosts,
        "mtu": str(mtu),
    }
    return [f"lab.{name}={value}" for name, value in values.items()]


def umid(lab: Lab, host: Host) -> str:
    return f"{lab.name}-{host.name}"


def _processes(lab: Lab, host: Host) -> list[int]:
    """The host's processes: User-Mode Linux has one for each address space, with the same command line."""
    wanted = f"umid={umid(lab, host)}".encode()
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if wanted in file.read_bytes().split(b"\0"):
                found.append(int(file.parent.name))
        except OSError:
            continue
    return found
