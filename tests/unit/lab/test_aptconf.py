# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from lab.aptconf import deb822, one_line, transport


def test_lines_of_the_machines_release_are_renamed_to_the_wanted_one() -> None:
    text = (
        "deb [signed-by=/k.gpg] http://m.example/debian bookworm main\ndeb http://m.example/s bookworm-security main\n"
    )
    assert one_line(text, "bookworm", "trixie") == (
        "deb [signed-by=/k.gpg] http://m.example/debian trixie main\ndeb http://m.example/s trixie-security main\n"
    )


def test_sources_of_others_and_source_packages_are_left_out() -> None:
    text = (
        "# deb http://m.example/debian bookworm main\n"
        "deb https://vendor.example/apt stable main\n"
        "deb https://vendor.example/apt vendor-bookworm main\n"
        "deb-src http://m.example/debian bookworm main\n"
    )
    assert one_line(text, "bookworm", "bookworm") == ""


def test_a_stanza_keeps_its_fields_and_gets_the_wanted_suites() -> None:
    text = (
        "# a comment\nTypes: deb deb-src\nURIs: http://m.example/debian\nSuites: bookworm bookworm-updates sid\n"
        "Components: main\nSigned-By: /k.gpg\n"
    )
    assert deb822(text, "bookworm", "trixie") == (
        "Types: deb\nURIs: http://m.example/debian\nSuites: trixie trixie-updates\n"
        "Components: main\nSigned-By: /k.gpg\n"
    )


def test_stanzas_of_others_are_left_out() -> None:
    vendor = "Types: deb\nURIs: https://vendor.example/\nSuites: nodistro\nComponents: main\n"
    own = "Types: deb\nURIs: http://m.example/debian\nSuites: bookworm\nComponents: main\n"
    assert deb822(f"{vendor}\n{own}", "bookworm", "bookworm") == own


def test_only_how_packages_are_fetched_is_carried_over() -> None:
    dump = "\n".join(
        [
            'Acquire::http::Proxy "http://proxy.example:3128";',
            'Acquire::Check-Valid-Until "false";',
            'Acquire::Retries "3";',
            'Acquire::Languages "";',
            'Acquire::GzipIndexes "true";',
            'Dir::Cache::pkgcache "";',
            'APT::Architecture "amd64";',
        ]
    )
    assert transport(dump).splitlines() == dump.splitlines()[:3]
