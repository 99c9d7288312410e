# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab's life: up, power cut, start again, down."""

from __future__ import annotations

import shutil
import socket
import time
from pathlib import Path
from typing import Mapping, Optional, Sequence, Tuple

from lab import containers, engine, inventory, kinds, machine, subnets, uml
from lab.locks import lock
from lab.model import Host, Lab, addressed, all_labs, check_name, load, load_or_fail, save
from lab.paths import Paths
from lab.progress import say, step
from lab.rootfs import current_recipe
from lab.shell import LabError

BOOT_TIMEOUT = 180.0


def up(paths: Paths, name: str, hosts: Sequence[str], kind: str, base: str, release: str, groups: Mapping[str, Sequence[str]]) -> Path:
    """Bring the lab's hosts up, keep those that run, and return the path of its inventory."""
    check_name(name)
    paths.root.mkdir(parents=True, exist_ok=True)
    with lock(paths, f"lab-{name}"):
        before = load(paths, name)
        wanted_kind = kinds.choose(kind)
        machine.require(paths, machine.COMMON + kinds.requirements(wanted_kind))
        recipe = current_recipe(paths, base, release)
        image = recipe.image if before is None else before.image
        index = subnets.subnet_index(paths, name)
        lab = Lab(name, wanted_kind, base, release, image, index, addressed(tuple(hosts), index))
        _refuse_another_shape(before, lab)
        save(paths, lab)
        inventory.close_connections(paths, name)
        kinds.of(lab).start(paths, lab, recipe)
        file = inventory.write_inventory(paths, lab, groups)
        with step(f"Waiting for {', '.join(host.name for host in lab.hosts)} to answer"):
            wait_for_ssh(lab.hosts)
    say(f"lab {name} is up ({lab.kind}, {lab.subnet}); its inventory is {file}")
    return file


def down(paths: Paths, name: Optional[str]) -> None:
    """Remove one lab, or every lab and then the engine that the lab started. Nothing there is nothing to do."""
    if name is not None:
        _remove(paths, check_name(name))
        return
    known = {lab.name for lab in all_labs(paths)} | set(containers.labelled()) | set(uml.namespaces())
    for each in sorted(known):
        _remove(paths, each)
    engine.stop_engine(paths)
    machine.restore_forwarding(paths)
    say("no lab is left")


def power_cut(paths: Paths, name: str, host_name: str) -> None:
    """Take the power from a host: nothing in it gets to know."""
    lab = load_or_fail(paths, name)
    kinds.of(lab).power_cut(lab, lab.host(host_name))
    inventory.close_connections(paths, name)
    say(f"{host_name} of lab {name} has no power")


def start(paths: Paths, name: str, host_name: str) -> None:
    """Start a host again, on what its disk held."""
    lab = load_or_fail(paths, name)
    host = lab.host(host_name)
    inventory.close_connections(paths, name)
    kinds.of(lab).power_on(paths, lab, host)
    with step(f"Waiting for {host_name} to answer"):
        wait_for_ssh((host,))


def wait_for_ssh(hosts: Sequence[Host]) -> None:
    end = time.monotonic() + BOOT_TIMEOUT
    silent = list(hosts)
    while silent:
        silent = [host for host in silent if not _answers_ssh(host)]
        if silent and time.monotonic() > end:
            names = ", ".join(f"{host.name} ({host.address})" for host in silent)
            raise LabError(f"{names}: no ssh answer within {BOOT_TIMEOUT:.0f} s; `lab journal` may say why")
        if silent:
            time.sleep(0.5)


def _answers_ssh(host: Host) -> bool:
    try:
        with socket.create_connection((host.address, 22), timeout=2) as connection:
            connection.settimeout(5)
            return connection.recv(4).startswith(b"SSH")
    except OSError:
        return False


def _remove(paths: Paths, name: str) -> None:
    with lock(paths, f"lab-{name}"):
        inventory.close_connections(paths, name)
        containers.remove(name)
        uml.remove(paths, name)
        control = inventory.control_directory(paths, name)
        shutil.rmtree(control, ignore_errors=True)
        existed = paths.lab(name).exists()
        shutil.rmtree(paths.lab(name), ignore_errors=True)
    say(f"lab {name} is gone" if existed else f"there is no lab {name}")


def _refuse_another_shape(before: Optional[Lab], wanted: Lab) -> None:
    if before is None:
        return
    for field in ("kind", "base", "release"):
        if getattr(before, field) != getattr(wanted, field):
            raise LabError(
                f"lab {wanted.name} is there with {field} {getattr(before, field)}, not {getattr(wanted, field)}; "
                f"`lab down {wanted.name}` first"
            )
    names: Tuple[str, ...] = tuple(host.name for host in before.hosts)
    if names != tuple(host.name for host in wanted.hosts):
        raise LabError(f"lab {wanted.name} is there with the hosts {', '.join(names)}; `lab down {wanted.name}` first")
