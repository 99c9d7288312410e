# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each role's argument specs and defaults name the same variables with the same values.

`meta/argument_specs.yml` is what users read, `defaults/main.yml` is what runs; nothing in Ansible keeps the two
together.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Iterator

import yaml

ROOT = Path(__file__).parents[2]


def main() -> int:
    faults = [fault for role in sorted((ROOT / "roles").iterdir()) if role.is_dir() for fault in faults_of(role)]
    for fault in faults:
        print(fault)
    print(f"argument specs: {len(faults)} faults")
    return 1 if faults else 0


def faults_of(role: Path) -> Iterator[str]:
    """What is wrong with one role, as lines to print."""
    specs = load(role / "meta" / "argument_specs.yml").get("argument_specs", {}).get("main")
    if specs is None:
        yield f"{role.name}: meta/argument_specs.yml has no entry point `main`"
        return
    options: dict[str, Any] = specs.get("options", {})
    defaults = load(role / "defaults" / "main.yml")
    for name, option in options.items():
        if not name.startswith(f"{role.name}_"):
            yield f"{role.name}: {name} does not begin with the role's name"
        if not option.get("description"):
            yield f"{role.name}: {name} has no description"
        if option.get("required"):
            if name in defaults:
                yield f"{role.name}: {name} is required, and yet has a default"
        elif name not in defaults:
            yield f"{role.name}: {name} is documented, but defaults/main.yml lacks it"
        elif "default" not in option:
            yield f"{role.name}: {name} has a default that meta/argument_specs.yml does not tell"
        elif option["default"] != defaults[name]:
            yield f"{role.name}: {name} defaults to {defaults[name]!r}, documented as {option['default']!r}"
    for name in defaults.keys() - options.keys():
        if not name.startswith("__"):
            yield f"{role.name}: {name} has a default, but is not documented"


def load(path: Path) -> dict[str, Any]:
    """A YAML file's mapping, empty where there is no file."""
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


if __name__ == "__main__":
    sys.exit(main())
