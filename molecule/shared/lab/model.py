# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab is: its hosts, their addresses, what they were made from. Kept as JSON beside its inventory."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Sequence

from lab.paths import Paths
from lab.shell import LabError

# Interfaces, containers and umids carry the name; 11 characters keep "bl-NAME" within an interface's 15.
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,30}")
_HOST = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class Host:
    name: str
    address: str
    release: str
    image: str


@dataclass(frozen=True)
class Lab:
    name: str
    kind: str
    base: str
    packages: tuple[str, ...]
    subnet_index: int
    hosts: tuple[Host, ...]

    @property
    def subnet(self) -> str:
        return f"10.77.{self.subnet_index}.0/24"

    @property
    def gateway(self) -> str:
        return f"10.77.{self.subnet_index}.1"

    @property
    def interface(self) -> str:
        """The name of the hosts' interface in this lab."""
        return "eth0" if self.kind == "container" else "vec0"

    @property
    def bridge(self) -> str:
        """The name of the lab's interface on the machine itself."""
        return f"bertlab{self.subnet_index}"

    def host(self, name: str) -> Host:
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(host.name for host in self.hosts)
        raise LabError(f"lab {self.name} has no host {name}; it has {known}")


def addresses(names: Sequence[str], subnet_index: int) -> dict[str, str]:
    """The hosts' addresses: .11 for the first, .12 for the second and so on."""
    for name in names:
        if not _HOST.fullmatch(name):
            raise LabError(f"{name}: no host name (lower-case letters, digits and hyphens, a letter first)")
    return {name: f"10.77.{subnet_index}.{11 + position}" for position, name in enumerate(names)}


def check_name(name: str) -> str:
    if not _NAME.fullmatch(name) or name in ("images", "ssh", "engine", "locks"):
        raise LabError(f"{name}: no name for a lab (lower-case letters, digits, - and _, a letter first)")
    return name


def save(paths: Paths, lab: Lab) -> None:
    directory = paths.lab(lab.name)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "lab.json").write_text(json.dumps(asdict(lab), indent=2) + "\n")


def load(paths: Paths, name: str) -> Lab | None:
    file = paths.lab(name) / "lab.json"
    if not file.exists():
        return None
    values: dict[str, Any] = json.loads(file.read_text())
    hosts = tuple(Host(**host) for host in values.pop("hosts"))
    return Lab(hosts=hosts, packages=tuple(values.pop("packages")), **values)


def load_or_fail(paths: Paths, name: str) -> Lab:
    lab = load(paths, name)
    if lab is None:
        raise LabError(f"there is no lab {name}; `lab status` lists them, `lab up {name}` makes it")
    return lab


def all_labs(paths: Paths) -> tuple[Lab, ...]:
    names = sorted(file.parent.name for file in paths.root.glob("*/lab.json"))
    return tuple(lab for lab in (load(paths, name) for name in names) if lab is not None)
