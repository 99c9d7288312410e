# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lab keeps what it makes: everything under .cache/lab of the checkout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
FILES = Path(__file__).resolve().parent / "files"


@dataclass(frozen=True)
class Paths:
    root: Path = REPOSITORY / ".cache" / "lab"

    @property
    def images(self) -> Path:
        return self.root / "images"

    @property
    def ssh(self) -> Path:
        return self.root / "ssh"

    @property
    def engine(self) -> Path:
        return self.root / "engine"

    @property
    def locks(self) -> Path:
        return self.root / "locks"

    def lab(self, name: str) -> Path:
        return self.root / name

    def inventory(self, name: str) -> Path:
        return self.lab(name) / "inventory.yml"
