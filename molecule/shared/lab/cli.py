# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's command line: PYTHONPATH=molecule/shared python3 -m lab --help"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
from typing import Any, Sequence

from lab import engine, journal, kinds, lifecycle, machine
from lab.model import all_labs, load_or_fail
from lab.paths import Paths
from lab.progress import say
from lab.recipe import BASES, RELEASES
from lab.shell import LabError

# As automake's tests do it: the machine has no way to run such hosts.
CANNOT = 77


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    # Where root's PATH is a user's, what the lab needs is still there.
    os.environ["PATH"] += os.pathsep + "/usr/sbin:/sbin"
    try:
        return int(options.function(Paths(), options) or 0)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("lab: interrupted; `lab down` removes what stands", file=sys.stderr)
        return 130


def _up(paths: Paths, options: argparse.Namespace) -> None:
    hosts = from_words(options.hosts, options.release)
    groups: dict[str, list[str]] = json.loads(options.groups)
    if options.platforms:
        hosts, groups = from_platforms(json.loads(options.platforms), options.release)
    packages = _words(options.packages)
    lifecycle.up(paths, lifecycle.Request(options.name, hosts, options.kind, options.base, packages, groups))


def _images(paths: Paths, options: argparse.Namespace) -> None:
    releases = _words(options.releases)
    unknown = [release for release in releases if release not in RELEASES]
    if unknown:
        raise LabError(f"{', '.join(unknown)}: no release here; there are {', '.join(RELEASES)}")
    lifecycle.make_images(paths, options.kind, options.base, releases, _words(options.packages))


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def from_words(words: str, release: str) -> dict[str, str]:
    """The release of each host in node1,node2=trixie; `release` where none is named."""
    hosts: dict[str, str] = {}
    for word in words.split(","):
        name, _, own = word.partition("=")
        _add_host(hosts, name, own or release)
    return hosts


def from_platforms(platforms: list[dict[str, Any]], release: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Molecule's platforms as the release of each host, and the members of each group."""
    hosts: dict[str, str] = {}
    groups: dict[str, list[str]] = {}
    for platform in platforms:
        _add_host(hosts, platform["name"], platform.get("release", release))
        for group in platform.get("groups", []):
            groups.setdefault(group, []).append(platform["name"])
    return hosts, groups


def _add_host(hosts: dict[str, str], name: str, release: str) -> None:
    if name in hosts:
        raise LabError(f"{name}: this host is named twice")
    if release not in RELEASES:
        raise LabError(f"{name}: no release {release} here; there are {', '.join(RELEASES)}")
    hosts[name] = release


def _down(paths: Paths, options: argparse.Namespace) -> None:
    lifecycle.down(paths, options.name)


def _power_cut(paths: Paths, options: argparse.Namespace) -> None:
    lifecycle.power_cut(paths, options.name, options.host)


def _start(paths: Paths, options: argparse.Namespace) -> None:
    lifecycle.start(paths, options.name, options.host)


def _ssh(paths: Paths, options: argparse.Namespace) -> None:
    lab = load_or_fail(paths, options.name)
    command = journal.ssh_command(paths, lab, lab.host(options.host))
    words = options.command[1:] if options.command[:1] == ["--"] else options.command
    remote = [words[0]] if len(words) == 1 else [shlex.join(words)] if words else []
    os.execvp("ssh", [*command, *remote])  # noqa: S606


def _status(paths: Paths, _options: argparse.Namespace) -> None:
    labs = all_labs(paths)
    for lab in labs:
        print(f"{lab.name}: {lab.kind}, {lab.base}, {lab.subnet}, inventory {paths.inventory(lab.name)}")
        for host in lab.hosts:
            state = "running" if kinds.of(lab).running(lab, host) else "off"
            print(f"  {host.name:<12} {host.address:<14} {host.release:<10} {state}")
    if not labs:
        print("no lab")
    pid = engine.ours(paths)
    print(f"engine: started by the lab, process {pid}" if pid else "engine: none of the lab's own")


def _journal(paths: Paths, options: argparse.Namespace) -> None:
    journal.print_journals(paths, options.name, options.units)


def _engine(paths: Paths, _options: argparse.Namespace) -> None:
    engine.ensure_engine(paths)
    say("an engine answers" + (f"; the lab started it, process {engine.ours(paths)}" if engine.ours(paths) else ""))


def _requirements(paths: Paths, options: argparse.Namespace) -> None:
    kind = kinds.choose(options.kind)
    machine.require(paths, (*machine.COMMON, *kinds.requirements(kind)))
    say(f"what {kind} hosts need is installed")


def _can(paths: Paths, options: argparse.Namespace) -> int:
    obstacle = kinds.obstacle(options.kind)
    print(obstacle or f"{options.kind} hosts can be had here")
    return CANNOT if obstacle else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="Real hosts to provision, on this machine.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("up", help="bring a lab's hosts up and write its inventory; keeps what runs")
    command.add_argument("name")
    command.add_argument(
        "--hosts",
        default="node1,node2,node3",
        help="comma-separated names, with a release where it is another: node1,node2=trixie (default: %(default)s)",
    )
    command.add_argument("--kind", choices=kinds.KINDS, default="container")
    command.add_argument(
        "--base", choices=BASES, default="full", help="full: packages baked in; bare: the roles install them"
    )
    command.add_argument(
        "--release", choices=RELEASES, default="bookworm", help="of hosts that name none (default: %(default)s)"
    )
    command.add_argument("--packages", default="", help="comma-separated Debian packages that the hosts have besides")
    command.add_argument("--groups", default="{}", help='inventory groups as JSON: {"managers": ["node1"]}')
    command.add_argument("--platforms", help="hosts and their groups as JSON, the way Molecule has them")
    command.set_defaults(function=_up)

    command = commands.add_parser("images", help="make what hosts start from, and start none")
    command.add_argument("--kind", choices=kinds.KINDS, default="container")
    command.add_argument("--base", choices=BASES, default="full")
    command.add_argument("--releases", default="bookworm", help="comma-separated (default: %(default)s)")
    command.add_argument("--packages", default="", help="comma-separated Debian packages that the hosts have besides")
    command.set_defaults(function=_images)

    command = commands.add_parser("down", help="remove one lab, or all of them and the engine that the lab started")
    command.add_argument("name", nargs="?")
    command.set_defaults(function=_down)

    for name, function, text in (
        ("power-cut", _power_cut, "take the power from a host"),
        ("start", _start, "start a host again"),
    ):
        command = commands.add_parser(name, help=text)
        command.add_argument("name")
        command.add_argument("host")
        command.set_defaults(function=function)

    command = commands.add_parser("ssh", help="enter a host, or run a command there")
    command.add_argument("name")
    command.add_argument("host")
    command.add_argument("command", nargs=argparse.REMAINDER)
    command.set_defaults(function=_ssh)

    command = commands.add_parser("status", help="the labs and their hosts")
    command.set_defaults(function=_status)

    command = commands.add_parser("journal", help="print the journals of services on all hosts of a lab")
    command.add_argument("name")
    command.add_argument("units", nargs="*")
    command.set_defaults(function=_journal)

    command = commands.add_parser("engine", help="have a Docker engine: the machine's, or one of the lab's own")
    command.set_defaults(function=_engine)

    command = commands.add_parser("requirements", help="install what the machine lacks for one kind of hosts")
    command.add_argument("--kind", choices=kinds.KINDS, default="auto")
    command.set_defaults(function=_requirements)

    command = commands.add_parser(
        "can", help=f"whether such hosts can be had on this machine; {CANNOT} and the reason if not"
    )
    command.add_argument("kind", choices=kinds.KINDS)
    command.set_defaults(function=_can)
    return parser
