# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to the firewall of a host: which one is in use, what it says, and its commands."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import files, firewalld, nftables, ufw
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.errors import ServerError
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.firewall import (
    AUTO,
    FIREWALLD,
    NFTABLES,
    UFW,
    Opening,
    Wanted,
)
from ansible_collections.berthage.swarm.plugins.module_utils._plan import Step
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem

NONE = "none"

_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"
# Seconds. firewalld and ufw are slow, but not that slow.
_TIMEOUT = 60
_RULES_DIRECTORY = "/etc/berthage"
_UNIT = "nftables.service"


@dataclass(frozen=True)
class State:
    """What is seen. `full` and `partly` are ours (`firewall.steps`); `in_order` is false where only the place of ours
    is not as it should be, or what the next boot would load. `impossible` is what cannot be opened and need not be."""

    firewall: str
    full: frozenset[Opening] = frozenset()
    partly: frozenset[Opening] = frozenset()
    in_order: bool = True
    problems: tuple[Problem, ...] = ()
    zones: tuple[firewalld.Zone, ...] = ()
    rules: tuple[ufw.Rule, ...] = ()
    impossible: frozenset[Opening] = frozenset()
    ruleset: nftables.Ruleset = field(default_factory=lambda: nftables.Ruleset((), ()))


def observe(wanted: Wanted) -> State:
    """
    Raises:
        ServerError: the firewall that was asked for is not in use, or does not answer.
    """
    if os.geteuid() != 0:
        raise ServerError("only root can see and change the firewall of this host; run the task with `become: true`")
    readers = {FIREWALLD: _observe_firewalld, UFW: _observe_ufw, NFTABLES: _observe_nftables}
    for name, reader in readers.items():
        if wanted.firewall in (AUTO, name):
            state = reader(wanted)
            if state is not None:
                return state
    if wanted.firewall == AUTO:
        return State(NONE)
    raise ServerError(
        f"firewall: {wanted.firewall} is not in use on this host ({_SIGNS[wanted.firewall]}); turn it on, or leave the "
        "choice to `auto`"
    )


def open_or_close(state: State, wanted: Wanted, step: Step) -> None:
    """Carry out one step with firewalld or ufw."""
    shown = step.after or step.before or {}
    opening = Opening(shown["source"], shown["port"], shown["protocol"])
    is_wanted = opening in wanted.openings
    if state.firewall == FIREWALLD:
        for command in firewalld.commands(state.zones, opening, is_wanted, wanted.name):
            _run("firewall-cmd", *command.arguments)
    else:
        _run("ufw", *ufw.arguments(state.rules, opening, is_wanted, wanted.name))


def replace(state: State, wanted: Wanted) -> None:
    """Make all of ours in nftables what is wanted, now at once and then for the next boot."""
    if not nftables.is_as_wanted(state.ruleset, wanted.openings):
        _run("nft", "-f", "-", stdin=nftables.change(state.ruleset, wanted.openings, wanted.name))
    wanted_files = _files(wanted.name, nftables.program(state.ruleset, wanted.openings, wanted.name))
    is_needed = any(wanted_files.values())
    try:
        # What is called before what calls it; the other way round when all of it goes.
        for path in wanted_files if is_needed else reversed(list(wanted_files)):
            if not _is_as_wanted(path, wanted_files[path]):
                files.put(path, wanted_files[path])
    except OSError as error:
        raise ServerError(f"cannot write what the next boot is to run: {error}") from error
    _run("systemctl", "daemon-reload")
    if is_needed:
        # What a boot does, seen to work; and a unit that failed at the last one has not failed any more.
        _run("systemctl", "restart", _loader(wanted.name))
    else:
        _call("systemctl", "reset-failed", _loader(wanted.name))


def _observe_firewalld(wanted: Wanted) -> State | None:
    if not _has("firewall-cmd") or not _is_active("firewalld.service"):
        return None
    zones = firewalld.read(
        _run("firewall-cmd", "--list-all-zones"),
        _run("firewall-cmd", "--permanent", "--list-all-zones"),
        _run("firewall-cmd", "--get-default-zone").strip(),
        wanted.name,
    )
    full, partly = firewalld.there(zones)
    return State(FIREWALLD, frozenset(full), frozenset(partly), zones=zones)


def _observe_ufw(wanted: Wanted) -> State | None:
    if not _has("ufw") or not re.search(r"^ENABLED=yes", files.read("/etc/ufw/ufw.conf").text or "", re.MULTILINE):
        return None
    has_ipv6 = os.path.exists("/proc/sys/net/ipv6") and ufw.has_ipv6(files.read("/etc/default/ufw").text or "")
    rules = ufw.read(_ufw_rules("user.rules"), _ufw_rules("user6.rules") if has_ipv6 else "")
    return State(
        UFW,
        frozenset(ufw.ours(rules, wanted.name) | (ufw.opened_by_others(rules) & set(wanted.openings))),
        problems=tuple(ufw.problems(rules, wanted.openings, has_ipv6)),
        rules=rules,
        impossible=frozenset() if has_ipv6 else ufw.idle_without_ipv6(wanted.openings),
    )


def _ufw_rules(file: str) -> str:
    """ufw's own record. What it shows instead (`ufw show added`) is the same text for a rule of either family."""
    text = files.read(f"/etc/ufw/{file}").text
    if text is None:
        raise ServerError(f"ufw is enabled, and its rules are not where it keeps them, in /etc/ufw/{file}")
    return text


def _observe_nftables(wanted: Wanted) -> State | None:
    if not _has("nft"):
        return None
    ruleset = nftables.read(_json(_run("nft", "-j", "list", "ruleset")), wanted.name)
    program = nftables.program(ruleset, wanted.openings, wanted.name)
    wanted_files = _files(wanted.name, program)
    if not ruleset.closed and not ruleset.own and not any(map(os.path.lexists, wanted_files)):
        return None
    full, partly = nftables.full_and_partly(ruleset, wanted.openings)
    is_persistent = all(_is_as_wanted(path, text) for path, text in wanted_files.items())
    return State(
        NFTABLES,
        frozenset(full),
        frozenset(partly),
        is_persistent
        and nftables.is_as_wanted(ruleset, wanted.openings)
        and (not program or _is_known_to_systemd(wanted.name)),
        problems=_persistence_problems(ruleset, wanted) if program and not is_persistent else (),
        ruleset=ruleset,
    )


def _is_known_to_systemd(name: str) -> bool:
    """Whether systemd has read what is on disk, and what it runs has not failed: a run may have been cut short before.

    That a directory of drop-ins is new, systemd 252 does not say of itself, so the drop-in has to be among those read.
    """
    host, loader = _shown(_UNIT), _shown(_loader(name))
    is_called = host["LoadState"] != "loaded" or _caller(name) in host["DropInPaths"].split()
    needs_reload = "yes" in (host["NeedDaemonReload"], loader["NeedDaemonReload"])
    return is_called and not needs_reload and loader["ActiveState"] != "failed"


def _persistence_problems(ruleset: nftables.Ruleset, wanted: Wanted) -> tuple[Problem, ...]:
    enabled = _call("systemctl", "is-enabled", _UNIT).stdout.decode().strip()
    if enabled in ("enabled", "enabled-runtime", "static"):
        return ()
    return (
        Problem(
            "nftables",
            "firewall",
            f"the ruleset of this host is not loaded by {_UNIT} ({enabled or 'there is none'}), so nobody knows where "
            "rules of ours would have to be to survive a boot",
            f"enable {_UNIT}, or add these rules where the ruleset comes from and leave the firewall alone "
            f"(the role: nfs_server_firewall: none): {nftables.by_hand(ruleset, wanted.openings)}",
        ),
    )


_SIGNS = {
    FIREWALLD: "firewalld.service is not active",
    UFW: "/etc/ufw/ufw.conf does not say ENABLED=yes",
    NFTABLES: "`nft list ruleset` has no chain of the input hook that drops",
}


def _files(name: str, program: str) -> dict[str, str]:
    """What there is to be on disk, each before what calls it; all of it empty without a program.

    A unit of its own, since the host's own rules must come into force whatever happens to ours: it is shown as failed
    then. It is started from within nftables.service, so that whoever waits for that has our rules as well.
    """
    path, loader = f"{_RULES_DIRECTORY}/nfs-firewall-{name}.py", _loader(name)
    python, systemctl = shutil.which("python3", path=_PATH) or sys.executable, shutil.which("systemctl", path=_PATH)
    head = f"# Managed by Ansible, module berthage.swarm.nfs_firewall (name: {name}).\n"
    unit = (
        f"{head}[Unit]\nDescription=Let the clients of the NFS server through nftables ({name})\n"
        "# It runs while nftables.service starts, early in a boot.\nDefaultDependencies=no\nStartLimitIntervalSec=0\n"
        f"[Service]\nType=oneshot\nTimeoutStartSec={_TIMEOUT}\nExecStart={python} -I {path}\n"
    )
    call = f"-{systemctl} restart {loader}"
    return {
        path: program,
        f"/etc/systemd/system/{loader}": unit if program else "",
        _caller(name): f"{head}[Service]\nExecStartPost={call}\nExecReload={call}\n" if program else "",
    }


def _is_as_wanted(path: str, text: str) -> bool:
    return files.read(path).text == (text or None)


def _loader(name: str) -> str:
    return f"berthage-nfs-firewall-{name}.service"


def _caller(name: str) -> str:
    return f"/etc/systemd/system/{_UNIT}.d/berthage-nfs-{name}.conf"


def _shown(unit: str) -> dict[str, str]:
    properties = "--property=LoadState,ActiveState,DropInPaths,NeedDaemonReload"
    return dict(line.split("=", 1) for line in _run("systemctl", "show", properties, unit).splitlines() if "=" in line)


def _has(program: str) -> bool:
    return shutil.which(program, path=_PATH) is not None


def _is_active(unit: str) -> bool:
    return _call("systemctl", "is-active", "--quiet", unit).returncode == 0


def _json(text: str) -> dict[str, Any]:
    try:
        read: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise ServerError(f"`nft -j list ruleset` did not answer in JSON: {error}") from error
    return read


def _run(program: str, *arguments: str, stdin: str = "") -> str:
    done = _call(program, *arguments, stdin=stdin)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).decode(errors="replace").strip() or f"status {done.returncode}"
        raise ServerError(f"`{program} {' '.join(arguments)}` failed: {said}")
    return done.stdout.decode(errors="replace")


def _call(program: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[bytes]:
    path = shutil.which(program, path=_PATH)
    if path is None:
        raise ServerError(f"the program {program} is not there, which this firewall is changed with")
    try:
        return subprocess.run(
            [path, *arguments],
            input=stdin.encode(),
            capture_output=True,
            check=False,
            timeout=_TIMEOUT,
            env={"PATH": _PATH, "LC_ALL": "C"},
        )
    except subprocess.TimeoutExpired as error:
        raise ServerError(f"`{program} {' '.join(arguments)}` did not end within {_TIMEOUT} s") from error
