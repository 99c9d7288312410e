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
    is not as it should be, or what the next boot would load."""

    firewall: str
    full: frozenset[Opening] = frozenset()
    partly: frozenset[Opening] = frozenset()
    in_order: bool = True
    problems: tuple[Problem, ...] = ()
    zones: tuple[firewalld.Zone, ...] = ()
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
        _run("ufw", *ufw.arguments(opening, is_wanted, wanted.name))


def replace(state: State, wanted: Wanted) -> None:
    """Make all of ours in nftables what is wanted, now at once and then for the next boot."""
    change = nftables.change(state.ruleset, wanted.openings, wanted.name)
    if not nftables.is_as_wanted(state.ruleset, wanted.openings):
        _run("nft", "-f", "-", stdin=change)
    text = nftables.persistent(state.ruleset, wanted.openings, wanted.name)
    try:
        # First what is loaded, then what loads it; the other way round when both go.
        for path, content in sorted(
            ((_rules_file(wanted.name), text), (_drop_in(wanted.name), _drop_in_text(wanted.name) if text else "")),
            key=lambda pair: pair[0] == _drop_in(wanted.name) if text else pair[0] != _drop_in(wanted.name),
        ):
            if files.read(path).text != (content or None):
                files.put(path, content)
    except OSError as error:
        raise ServerError(f"cannot write what the next boot is to load: {error}") from error
    _run("systemctl", "daemon-reload")


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
    return State(UFW, frozenset(ufw.read(_run("ufw", "show", "added"), wanted.name)))


def _observe_nftables(wanted: Wanted) -> State | None:
    if not _has("nft"):
        return None
    ruleset = nftables.read(_json(_run("nft", "-j", "list", "ruleset")), wanted.name)
    on_disk = files.read(_rules_file(wanted.name)).text
    if not ruleset.closed and not ruleset.own and on_disk is None:
        return None
    full, partly = nftables.full_and_partly(ruleset, wanted.openings)
    text = nftables.persistent(ruleset, wanted.openings, wanted.name)
    is_persistent = (on_disk or "") == text and files.read(_drop_in(wanted.name)).text == (
        _drop_in_text(wanted.name) if text else None
    )
    return State(
        NFTABLES,
        frozenset(full),
        frozenset(partly),
        is_persistent and nftables.is_as_wanted(ruleset, wanted.openings),
        _persistence_problems(ruleset, wanted) if text and not is_persistent else (),
        ruleset=ruleset,
    )


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


def _rules_file(name: str) -> str:
    return f"{_RULES_DIRECTORY}/nfs-firewall-{name}.nft"


def _drop_in(name: str) -> str:
    return f"/etc/systemd/system/{_UNIT}.d/berthage-nfs-{name}.conf"


def _drop_in_text(name: str) -> str:
    nft = shutil.which("nft", path=_PATH)
    # With `-`: rules of ours that do not fit any more must not keep the host's own from being loaded.
    return (
        f"# Managed by Ansible, module berthage.swarm.nfs_firewall (name: {name}).\n"
        f"[Service]\nExecStartPost=-{nft} -f {_rules_file(name)}\nExecReload=-{nft} -f {_rules_file(name)}\n"
    )


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
