# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab's life: up, power cut, start again, down."""

from __future__ import annotations

import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Sequence

from lab import containers, engine, inventory, kinds, machine, subnets, umlnet
from lab.locks import lock
from lab.model import Host, Lab, addresses, all_labs, check_name, load, load_or_fail, save
from lab.paths import Paths
from lab.progress import say, step
from lab.recipe import Recipe
from lab.rootfs import current_recipe
from lab.shell import LabError

BOOT_TIMEOUT = 180.0


@dataclass(frozen=True)
class Request:
    """The lab that somebody wants."""

    name: str
    # Each host's name and its release.
    hosts: Mapping[str, str]
    kind: str
    base: str
    packages: Sequence[str]
    groups: Mapping[str, Sequence[str]]


def up(paths: Paths, request: Request) -> Path:
    """Bring the lab's hosts up, keep those that run, and return the path of its inventory."""
    check_name(request.name)
    paths.root.mkdir(parents=True, exist_ok=True)
    with lock(paths, f"lab-{request.name}"):
        kind = kinds.choose(request.kind)
        machine.require(paths, (*machine.COMMON, *kinds.requirements(kind)))
        recipes = {
            release: current_recipe(paths, request.base, release, request.packages)
            for release in sorted(set(request.hosts.values()))
        }
        lab = _lab(paths, request, kind, recipes)
        if load(paths, lab.name) is None:
            _clear(lab.name)
        save(paths, lab)
        kinds.of(lab).start(paths, lab, recipes)
        file = inventory.write_inventory(paths, lab, request.groups)
        with step(f"Waiting for {', '.join(host.name for host in lab.hosts)} to answer"):
            wait_for_ssh(lab.hosts)
    say(f"lab {lab.name} is up ({lab.kind}, {lab.subnet}); its inventory is {file}")
    return file


def make_images(paths: Paths, kind: str, base: str, releases: Sequence[str], packages: Sequence[str]) -> None:
    """What the hosts of such a lab start from, made ahead of it: its `up` finds it, or waits for it to be done."""
    paths.root.mkdir(parents=True, exist_ok=True)
    kind = kinds.choose(kind)
    machine.require(paths, (*machine.COMMON, *kinds.requirements(kind)))
    for release in releases:
        recipe = current_recipe(paths, base, release, packages)
        kinds.named(kind).make_image(paths, recipe)
        say(f"{kind} hosts can start from {recipe.image}")


def down(paths: Paths, name: str | None) -> None:
    """Remove one lab, or every lab and then the engine that the lab started. Nothing there is nothing to do."""
    if name is not None:
        _remove(paths, check_name(name))
        if not all_labs(paths) and engine.ours(paths) is None:
            machine.restore_settings(paths)
        return
    known = {lab.name for lab in all_labs(paths)} | set(containers.labelled()) | set(umlnet.labs())
    for each in sorted(known):
        _remove(paths, each)
    if engine.ours(paths) is None:
        # Somebody's own engine is left as it was; in one of the lab's own the images wait for the next time.
        containers.remove_images()
    engine.stop_engine(paths)
    machine.restore_settings(paths)
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


def _lab(paths: Paths, request: Request, kind: str, recipes: Mapping[str, Recipe]) -> Lab:
    """The lab as it will be: one that is there already keeps its images, and cannot change its shape."""
    before = load(paths, request.name)
    index = subnets.subnet_index(paths, request.name)
    lab = Lab(
        name=request.name,
        kind=kind,
        base=request.base,
        packages=tuple(sorted(request.packages)),
        subnet_index=index,
        hosts=tuple(
            Host(name, address, request.hosts[name], recipes[request.hosts[name]].image)
            for name, address in addresses(tuple(request.hosts), index).items()
        ),
    )
    if before is None:
        return lab
    refuse_another_shape(before, lab)
    return before


def _clear(name: str) -> None:
    """Hosts and networks of that name, also what is left of a lab whose files are gone."""
    containers.remove(name)
    umlnet.remove(name)


def _remove(paths: Paths, name: str) -> None:
    with lock(paths, f"lab-{name}"):
        inventory.close_connections(paths, name)
        _clear(name)
        control = inventory.control_directory(paths, name)
        shutil.rmtree(control, ignore_errors=True)
        existed = paths.lab(name).exists()
        shutil.rmtree(paths.lab(name), ignore_errors=True)
    say(f"lab {name} is gone" if existed else f"there is no lab {name}")


def refuse_another_shape(before: Lab, wanted: Lab) -> None:
    for field in ("kind", "base", "packages", "host names and releases"):
        there, asked = _shape(before)[field], _shape(wanted)[field]
        if there != asked:
            raise LabError(
                f"lab {wanted.name} is there with the {field} {there or 'none'}, not {asked or 'none'}; "
                f"`lab down {wanted.name}` first"
            )


def _shape(lab: Lab) -> dict[str, str]:
    return {
        "kind": lab.kind,
        "base": lab.base,
        "packages": ", ".join(lab.packages),
        "host names and releases": ", ".join(f"{host.name}={host.release}" for host in lab.hosts),
    }
