# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files in molecule/ say: which scenarios there are, in which order they begin, what their hosts are."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from molecule.interpolation import Interpolator, TemplateWithDefaults

ROOT = Path(__file__).parents[2]
SHARED = ROOT / ".config" / "molecule" / "config.yml"


@dataclass(frozen=True)
class Hosts:
    """What the lab is asked for: a kind of hosts, and what they are made from."""

    kind: str
    base: str
    releases: tuple[str, ...]
    packages: tuple[str, ...]


def all_scenarios() -> list[str]:
    """The longest first, so that two at a time end together: on User-Mode Linux everything takes longer, and a
    scenario's time grows with its tests."""
    found = [file.parent.name for file in (ROOT / "molecule").glob("*/molecule.yml") if file.parent.name != "default"]
    return sorted(found, key=lambda name: (hosts_of(name).kind == "container", -size_of_tests(name), name))


def scenarios_to_run(named: list[str], with_long: bool) -> list[str]:
    left_out = set() if with_long else listed("long.txt")
    return named or [name for name in all_scenarios() if name not in left_out]


def size_of_tests(name: str) -> int:
    return sum(file.stat().st_size for file in (ROOT / "molecule" / name / "tests").glob("*.py"))


def listed(file: str) -> set[str]:
    """The scenarios that a list in molecule/ names."""
    lines = (ROOT / "molecule" / file).read_text().splitlines()
    return {line for line in map(str.strip, lines) if line and not line.startswith("#")}


def hosts_of(name: str) -> Hosts:
    """What a scenario's molecule.yml asks of the lab, over what all of them share."""
    own = _read(ROOT / "molecule" / name / "molecule.yml")
    lab = {**_read(SHARED)["driver"]["lab"], **own.get("driver", {}).get("lab", {})}
    releases = {str(platform.get("release", lab["release"])) for platform in own.get("platforms", [])}
    return Hosts(
        kind=str(lab["kind"]),
        base=str(lab["base"]),
        releases=tuple(sorted(releases)),
        packages=tuple(sorted(map(str, lab["packages"]))),
    )


def _read(file: Path) -> dict[str, Any]:
    """With variables of the environment put in, as Molecule does it."""
    text = Interpolator(TemplateWithDefaults, dict(os.environ)).interpolate(file.read_text())
    return yaml.safe_load(text) or {}
