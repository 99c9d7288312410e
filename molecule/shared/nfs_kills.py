# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nfs_exports, killed at each change of the server: see files/kill_series.py of the scenario nfs."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any, Callable, Sequence

from checks import packed_module
from testinfra.host import Host

Point = dict[str, Any]

BELOW = "/srv/kills/"
BY_HAND = f"{BELOW}by-hand"

_SHARED = Path(__file__).parent
_FILES = (_SHARED / "packed_module.py", _SHARED.parent / "nfs" / "files" / "kill_series.py")
_DIRECTORY = "/opt/nfs_kills"


def while_it_withdraws(host: Host, implementation: str, client: str) -> list[Point]:
    """Kills of a run that changes one export, narrows nothing but the rights of another, drops one, withdraws one and
    makes one. BY_HAND has been exported."""
    host.check_output(f"cd {BELOW} && mkdir -p changed narrowed dropped 'to go' new")
    former = [_export(name, client) for name in ("changed", "narrowed", "dropped", "to go")]
    declared = [
        _export("changed", client, "192.0.2.0/24", access="ro"),
        _export("narrowed", client, access="ro", options=["anonuid=1000"]),
        _export("to go", state="absent"),
        _export("new", client),
    ]
    return _series(host, implementation, start=former, call=declared, next=declared)


def check_withdrawal(points: Sequence[Point]) -> None:
    undisturbed, *killed = points
    assert undisturbed["again"]["changed"] is False
    assert set(undisturbed["end"]["active"]) == {f"{BELOW}changed", f"{BELOW}narrowed", f"{BELOW}new", BY_HAND}
    # The place that this is about was visited: no declaration names it any more, and it is still open to clients.
    still_open = [point for point in killed if f"{BELOW}dropped" in point["kill"]["active"]]
    assert [point for point in still_open if f"{BELOW}new" in point["kill"]["active"]]
    # And so was that: the file has the narrower rights, and the server the wider ones.
    wider, narrowed = (undisturbed[when]["active"][f"{BELOW}narrowed"] for when in ("start", "end"))
    assert wider != narrowed
    assert [
        point
        for point in killed
        if "1000" in point["kill"]["file"] and point["kill"]["active"][f"{BELOW}narrowed"] == wider
    ]
    assert _wrong(points, lambda point: BY_HAND not in point["kill"]["active"] and "closed what others export") == []
    _check_ended(points, undisturbed["mended"])


def while_it_takes_back(host: Host, implementation: str, client: str) -> list[Point]:
    """Kills of a run that the server refuses."""
    host.check_output(f"mkdir -p {BELOW}former {BELOW}new")
    former = [_export("former", client)]
    wider = _export("former", client, squash="none")
    refused = [wider, _export("new", client), {"path": "/proc/sys", "clients": [{"host": client}]}]
    return _series(host, implementation, start=former, call=refused, next=former)


def check_taking_back(points: Sequence[Point]) -> None:
    undisturbed, *killed = points
    assert "The former exports are in force again." in undisturbed["result"]["msg"]
    assert list(undisturbed["end"]["active"]) == [f"{BELOW}former"]
    assert [point for point in killed if f"{BELOW}new" in point["kill"]["active"]]
    _check_ended(points, undisturbed["start"])


def _check_ended(points: Sequence[Point], wanted: dict[str, Any]) -> None:
    """The next run ends in what was declared, and the one after it finds nothing to do."""
    failed = {"msg": "no result"}
    assert _wrong(points, lambda point: "msg" in (point["next"] or failed) and (point["next"] or failed)["msg"]) == []
    assert _wrong(points, lambda point: point["mended"] != wanted and f"{point['mended']}, wanted {wanted}") == []
    assert _wrong(points, lambda point: point["again"]["changed"] and point["again"]) == []
    print(f"killed at {len(points) - 1} places")


def _export(name: str, *hosts: str, state: str = "present", **fields: Any) -> dict[str, Any]:
    return {"path": f"{BELOW}{name}", "state": state, "clients": [{"host": host, **fields} for host in hosts]}


def _series(host: Host, implementation: str, **given: Any) -> list[Point]:
    """Every place where the module can be killed, with what was there then and afterwards. The first is of an
    undisturbed run."""
    host.check_output(f"mkdir -p {_DIRECTORY}")
    for file in _FILES:
        host.ansible("copy", json.dumps({"src": str(file), "dest": f"{_DIRECTORY}/"}), check=False, become=False)
    module = packed_module(host, "berthage.swarm.nfs_exports")
    orders = {**given, "module": module, "implementation": implementation, "name": "kills", "below": BELOW}
    done = host.run(f"echo {shlex.quote(json.dumps(orders))} | python3 {_DIRECTORY}/kill_series.py")
    assert done.rc == 0, done.stderr
    points: list[Point] = json.loads(done.stdout)
    return points


def _wrong(points: Sequence[Point], is_wrong: Callable[[Point], Any]) -> list[str]:
    """Where something is wrong, and what."""
    found = [(point, is_wrong(point)) for point in points]
    return [f"{point['when']} call {point['at']}, {point['call']}: {what}" for point, what in found if what]
