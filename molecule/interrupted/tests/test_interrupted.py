# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's run is killed at each step, on fresh hosts; the same run again ends in what an uninterrupted one makes."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from checks import inventory, node

testinfra_hosts = ["ansible://node1"]

SCENARIO = Path(__file__).parents[1]
# Seconds for daemons to tell each other, and to write down, what has become of them.
SETTLED_WITHIN = 20.0
# Seconds without a change, after which they have.
CALM = 10.0
EVERY_HOST = ("node1", "node2", "node3")

# What the packages made of the host, which prepare.yml kept; see LEFT for what is compared.
FRESH = {
    "nfs_server": """
        systemctl disable --now nfs-ganesha.service 2>/dev/null
        systemctl unmask rpcbind.socket rpcbind.service rpc-statd.service nfs-ganesha-lock.service 2>/dev/null
        rm -rf /etc/ganesha/exports.d /srv/nfs /etc/ganesha/ganesha.conf* /etc/systemd/system/nfs-ganesha.service.d
        systemctl daemon-reload
        cp /var/lib/interrupted/ganesha.conf /etc/ganesha/
        systemctl reset-failed
    """,
    "glusterfs": """
        systemctl disable --now berthage-bricks.service glusterd.service 2>/dev/null
        for name in glusterfsd glusterfs; do killall -q -9 $name; done
        rm -rf /data/brick1 /var/lib/glusterd/* /etc/systemd/system/glusterd.service.d
        rm -f /etc/systemd/system/berthage-bricks.service /usr/local/sbin/berthage-bricks
        systemctl daemon-reload
        cp -a /var/lib/interrupted/glusterd/. /var/lib/glusterd/
        systemctl reset-failed
    """,
}
LISTING = (
    "find {} -type f -printf '%p %u %g %m ' -exec sha256sum {{}} \\; , -type d -printf '%p %u %g %m\\n' 2>/dev/null"
)
UNITS = "for unit in {}; do echo $unit $(systemctl is-enabled $unit) $(systemctl is-active $unit); done 2>/dev/null"
MANAGER = "org.ganesha.nfsd /org/ganesha/nfsd/ExportMgr org.ganesha.nfsd.exportmgr"
UUID = "s/[0-9a-f]\\{8\\}-[0-9a-f-]\\{27\\}/UUID/g"
# What a host is like afterwards, without what is another each time: ids, and the names of files kept with a date.
# (Volumes are asked for one by one: `volume status` leaves out those that another host is asking for.)
LEFT = {
    "nfs_server": f"""
        {UNITS.format("nfs-ganesha.service rpcbind.socket rpcbind.service rpc-statd.service nfs-ganesha-lock.service")}
        {LISTING.format("/etc/ganesha /srv/nfs /etc/systemd/system")} |
            sed 's/conf[.][0-9]*[.][0-9-]*@[0-9:]*~/conf.DATE~/g'
        systemctl show --property=Restart nfs-ganesha.service
        for number in 0 1 2 3; do busctl --system call {MANAGER} DisplayExport q $number 2>&1; done
    """,
    "glusterfs": f"""
        {UNITS.format("glusterd.service berthage-bricks.service")}
        {LISTING.format("/etc/systemd/system /usr/local/sbin")}
        systemctl show --property=KillMode glusterd.service
        find /data -maxdepth 2 -printf '%p %u %g %m\\n'
        find /var/lib/glusterd -not -path '*/glusterd/hooks*' | sed '{UUID}'
        # Without glusterd, each question waits for it.
        systemctl is-active --quiet glusterd.service || exit 0
        gluster --mode=script volume info | sed '{UUID}'
        gluster --mode=script pool list | sed '{UUID}' | awk '{{ print $1, $NF }}'
        for volume in $(gluster --mode=script volume list); do
            for second in $(seq 20); do gluster --mode=script volume status $volume >/tmp/status && break; sleep 1; done
            echo $volume $(grep -c '^Brick.* Y ' /tmp/status)
        done
    """,
}
HOSTS = {"nfs_server": ("node1",), "glusterfs": EVERY_HOST}


@dataclass(frozen=True)
class Point:
    """Where a run is killed: `after` seconds after a line of the trace."""

    line: int
    after: float
    where: str


# Each point takes a minute and more, and there are dozens.
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("role", ["nfs_server", "glusterfs"])
def test_a_run_that_was_killed_at_any_step_is_finished_by_the_next_one(role, capsys):
    make_fresh(role)
    fresh = left(role)
    done, trace = run(role)
    assert done.returncode == 0, done.stdout
    declared = left(role)
    assert declared != fresh

    def say(line: str) -> None:
        with capsys.disabled():
            print(line, flush=True)

    say(f"\n{role}, killed at:")
    wrong = []
    for point in points_of(trace):
        started = time.monotonic()
        make_fresh(role)
        cut, until = run(role, point)
        assert cut.returncode == -9, (point, cut.stdout)
        assert until[-1]["line"] >= point.line
        kill_modules(role)
        again, _trace = run(role)
        after = wait_for_state(role, declared)
        outcome = "healed"
        if again.returncode != 0:
            outcome = "FAILED"
            wrong.append(f"{point.where}:\n{again.stdout}")
        elif after != declared:
            outcome = "ANOTHER STATE"
            wrong.append(f"{point.where}:\n" + "\n".join(sorted(set(after.splitlines()) ^ set(declared.splitlines()))))
        say(f"  {point.where:<66} {time.monotonic() - started:6.1f} s  {outcome}")
    assert not wrong, "\n\n".join(wrong)


def points_of(trace: list[dict[str, Any]]) -> list[Point]:
    """Before the first step, in the middle of each that changes something, after each of its items, and after it.

    What changes nothing needs no point of its own: the hosts are the same before and after it.
    """
    points = [Point(1, 0.0, "before anything")]
    for index, line in enumerate(trace):
        if line["what"] != "begin":
            continue
        ends = list(itertools.takewhile(lambda later: later["what"] != "begin", trace[index + 1 :]))
        if not any(end["changed"] for end in ends):
            continue
        seconds = ends[-1]["at"] - line["at"]
        task = line["task"].rpartition(" : ")[2]
        items = [end for end in ends if end["what"] == "item" and end["changed"]]
        points.append(Point(line["line"], seconds / 2, f"within: {task}"))
        points += [Point(item["line"], 0.0, f"between items: {task}") for item in items[:-1]]
        points.append(Point(ends[-1]["line"], 0.0, f"after: {task}"))
    return points


def run(role: str, point: Point | None = None) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    """Run the role, with all that the run passed; killed at a point, if there is one."""
    with tempfile.TemporaryDirectory() as directory:
        trace = Path(directory) / "trace"
        own = {"ANSIBLE_CALLBACKS_ENABLED": "cut_short", "CUT_SHORT_TRACE": str(trace)}
        if point:
            own |= {"CUT_SHORT_AT": str(point.line), "CUT_SHORT_AFTER": str(point.after)}
        done = subprocess.run(
            ["ansible-playbook", "-i", inventory(), SCENARIO / f"{role}.yml"],
            env={**os.environ, "ANSIBLE_CALLBACK_PLUGINS": str(SCENARIO / "callback_plugins"), **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            check=False,
        )
        return done, [json.loads(line) for line in trace.read_text().splitlines()]


def kill_modules(role: str) -> None:
    """Kill what the run still does on the hosts: all that descends from a session of ssh but this one."""
    program = (SCENARIO / "files" / "kill_sessions.py").read_text()
    on_each(role, f"python3 - <<'END'\n{program}\nEND")


def make_fresh(role: str) -> None:
    on_each(role, FRESH[role])


def left(role: str) -> str:
    """What the hosts are like, once they have settled."""
    seen, since = on_each(role, LEFT[role]), time.monotonic()
    while time.monotonic() < since + CALM:
        time.sleep(1)
        now = on_each(role, LEFT[role])
        if now != seen:
            seen, since = now, time.monotonic()
    return seen


def wait_for_state(role: str, expected: str) -> str:
    """What the hosts are like; where that is not what is expected, they have some time to settle."""
    deadline = time.monotonic() + SETTLED_WITHIN
    while (now := on_each(role, LEFT[role])) != expected and time.monotonic() < deadline:
        time.sleep(1)
    return now


def on_each(role: str, script: str) -> str:
    """What a script prints, on each host of a role, with its name; the order of lines does not matter."""
    with ThreadPoolExecutor() as pool:
        said = pool.map(lambda name: (name, node(name).run(script).stdout), HOSTS[role])
    return "\n".join(f"{name} {line}" for name, text in said for line in sorted(text.splitlines()))
