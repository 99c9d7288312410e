# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine's own way to Debian's packages, carried into the lab's hosts: mirrors, proxy, certificate authorities."""

from __future__ import annotations

import re
from pathlib import Path

from lab.shell import LabError, run

_POCKETS = ("", "-updates", "-security", "-backports", "/updates")
# How packages are fetched; not what a desktop or a slim container wants to be done with them.
_TRANSPORT = re.compile(r'Acquire::(https?|ftp|Proxy|Retries|Check-|Max-|ForceIPv)[^"]*"[^"]+";', re.IGNORECASE)


def machine_sources(release: str, etc: Path = Path("/etc")) -> tuple[tuple[str, str], ...]:
    """(file name, text) of the machine's Debian sources, for `release`; empty if it has none that fit."""
    own = _codename(etc)
    found: list[tuple[str, str]] = []
    if (etc / "apt/sources.list").is_file():
        found.append(("lab-main.list", one_line((etc / "apt/sources.list").read_text(), own, release)))
    for file in sorted((etc / "apt/sources.list.d").glob("*")):
        if file.suffix == ".list":
            found.append((f"lab-{file.name}", one_line(file.read_text(), own, release)))
        elif file.suffix == ".sources":
            found.append((f"lab-{file.name}", deb822(file.read_text(), own, release)))
    return tuple((name, text) for name, text in found if text)


def one_line(text: str, own: str, wanted: str) -> str:
    """The `deb` lines of the machine's own release, renamed to the wanted one."""
    kept = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+((?:\[[^\]]*\]\s+)?\S+)\s+(\S+)\s+(.+)", line)
        suite = match and _rename(match.group(2), own, wanted)
        if match and suite:
            kept.append(f"deb {match.group(1)} {suite} {match.group(3)}")
    return "".join(f"{line}\n" for line in kept)


def deb822(text: str, own: str, wanted: str) -> str:
    """The stanzas of the machine's own release, their suites renamed to the wanted one."""
    kept = []
    for stanza in re.split(r"\n\s*\n", text):
        lines = [line for line in stanza.splitlines() if not line.startswith("#")]
        suites = next((line.split(":", 1)[1].split() for line in lines if line.lower().startswith("suites:")), [])
        renamed = [suite for suite in (_rename(suite, own, wanted) for suite in suites) if suite]
        if renamed and any(line.lower().startswith("types:") and "deb" in line.split() for line in lines):
            kept.append("\n".join(_stanza_line(line, renamed) for line in lines) + "\n")
    return "\n".join(kept)


def transport(dump: str) -> str:
    """The lines of `apt-config dump` that say how packages are fetched (proxy, retries, validity checks)."""
    return "".join(f"{line}\n" for line in dump.splitlines() if _TRANSPORT.fullmatch(line))


def machine_transport() -> str:
    return transport(run(["apt-config", "dump"]).stdout)


def machine_authorities() -> dict[str, str]:
    """The certificate authorities that somebody added to the machine."""
    files = sorted(Path("/usr/local/share/ca-certificates").rglob("*.crt"))
    return {file.name: file.read_text() for file in files}


def _stanza_line(line: str, suites: list[str]) -> str:
    lowered = line.lower()
    if lowered.startswith("suites:"):
        return f"Suites: {' '.join(suites)}"
    if lowered.startswith("types:"):
        return "Types: deb"
    return line


def _rename(suite: str, own: str, wanted: str) -> str:
    for pocket in _POCKETS:
        if suite == own + pocket:
            return wanted + pocket
    return ""


def _codename(etc: Path) -> str:
    for line in (etc / "os-release").read_text().splitlines():
        if line.startswith("VERSION_CODENAME="):
            return line.split("=", 1)[1].strip().strip('"')
    raise LabError("/etc/os-release names no VERSION_CODENAME; the lab's hosts are made on Debian machines")
