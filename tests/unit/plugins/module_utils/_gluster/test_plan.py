# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import (
    Task,
    members_in,
    volumes_in,
    with_status,
)
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.hosts import Names
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.plan import (
    Observed,
    Work,
    offline_here,
    plan,
    to_look_at,
    would_stop,
)
from ansible_collections.berthage.swarm.plugins.module_utils._gluster.spec import volume_specs

NAMES = Names(
    {
        "g1": frozenset({"10.99.0.11"}),
        "10.99.0.11": frozenset({"10.99.0.11"}),
        "10.99.0.12": frozenset({"10.99.0.12"}),
        "g2": frozenset({"10.99.0.12"}),
        "g3": frozenset({"10.99.0.13"}),
        "10.99.0.13": frozenset({"10.99.0.13"}),
        "elsewhere": frozenset({"10.99.0.99"}),
        "unknown": frozenset(),
    },
    local=frozenset({"g1", "10.99.0.11"}),
)


@pytest.fixture
def observed(members, volumes):
    everybody = tuple(replace(member, connected=True) for member in members)
    return Observed(everybody, NAMES, volumes)


def bricks(*hosts: str, path: str) -> list[str]:
    return [f"{host}:{path}" for host in hosts]


def planned_for(observed, *declared, allow=()):
    planned = plan(volume_specs(declared), observed, allow)
    return planned[0] if len(planned) == 1 else planned


DISTREP = {
    "name": "distrep",
    "replica": 3,
    "state": "stopped",
    "bricks": [
        *bricks("g1", "g2", "g3", path="/data/brick1/dr1"),
        *bricks("g1", "g2", "g3", path="/data/brick1/dr2"),
    ],
}


def test_a_volume_that_is_as_declared_is_kept(observed, declare):
    planned = planned_for(observed, declare(options={"network.ping-timeout": "10"}))

    assert (planned.step.action, planned.work) == ("keep", Work())
    assert planned.step.details["id"] == "74b1efb8-d23d-486d-bbdf-a42f741b2299"
    assert [brick["online"] for brick in planned.step.details["bricks"]] == [True, True, True]


@pytest.mark.parametrize(
    "hosts",
    [
        ("g2", "10.99.0.13", "g1"),
        ("10.99.0.11", "10.99.0.12", "g3"),
        ("g3", "g2.example.test", "10.99.0.11"),
    ],
)
def test_another_order_in_the_set_and_other_names_are_no_change(observed, declare, hosts):
    planned = planned_for(observed, declare(bricks=bricks(*hosts, path="/data/brick1/gv0/")))

    assert planned.step.action == "keep"


def test_another_order_of_whole_sets_is_no_change(observed, declare):
    swapped = [*DISTREP["bricks"][3:], *DISTREP["bricks"][:3]]

    assert planned_for(observed, declare(**{**DISTREP, "bricks": swapped})).step.action == "keep"


def test_bricks_grouped_into_other_sets_are_refused_and_the_right_order_is_told(observed, declare):
    mixed = [
        "g1:/data/brick1/dr1",
        "g2:/data/brick1/dr1",
        "g3:/data/brick1/dr2",
        "g1:/data/brick1/dr2",
        "g2:/data/brick1/dr2",
        "g3:/data/brick1/dr1",
    ]

    step = planned_for(observed, declare(**{**DISTREP, "bricks": mixed})).step

    assert step.action == "refused"
    assert "distrep, bricks: the same bricks are grouped into other sets" in step.message
    assert "list them as they are: g1:/data/brick1/dr1, g2:/data/brick1/dr1, g3:/data/brick1/dr1, g1:" in step.message


def test_the_arbiter_keeps_its_place(observed, declare):
    arb = {"name": "arb", "arbiter": 1, "state": "stopped"}
    same = planned_for(observed, declare(**arb, bricks=bricks("g2", "g1", "g3", path="/data/brick1/arb")))
    moved = planned_for(observed, declare(**arb, bricks=bricks("g1", "g3", "g2", path="/data/brick1/arb")))

    assert same.step.action == "keep"
    assert "neither can a brick with data become it" in moved.step.message


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (
            {"bricks": [*bricks("g1", "g2", path="/data/brick1/gv0"), "g3:/data/x"]},
            "gv0, bricks: 10.99.0.13:/data/brick1/gv0 with g3:/data/x would be replaced",
        ),
        (
            {**DISTREP, "state": "started", "bricks": DISTREP["bricks"][:3]},
            "distrep, bricks: g1:/data/brick1/dr2, g2:/data/brick1/dr2, g3:/data/brick1/dr2 would be emptied",
        ),
        ({"arbiter": 1}, "gv0, replica: the volume is replica 3, and declared is replica 3 arbiter 1"),
        ({"replica": 0}, "gv0, replica: not supported yet: the volume is replica 3, and declared is distributed"),
        (
            {"replica": 0, "disperse": 3, "redundancy": 1},
            "gv0, disperse: the volume is replica 3, and declared is disperse 3 redundancy 1",
        ),
    ],
)
def test_what_would_move_data_is_refused_by_name(observed, declare, change, told):
    step = planned_for(observed, declare(**change)).step

    assert step.action == "refused"
    assert told in step.message


GROWN = [*bricks("g1", "g2", "g3", path="/data/brick1/gv0"), *bricks("g1", "g2", "g3", path="/data/x")]


def test_more_sets_are_added_and_rebalanced(observed, declare):
    planned = planned_for(observed, declare(bricks=GROWN))

    assert planned.step.action == "update"
    assert planned.work == Work(add_sets=("g1:/data/x", "g2:/data/x", "g3:/data/x"), rebalance=True)
    assert [item.field for item in planned.step.drift] == ["bricks"]
    assert planned.step.after["bricks"][3:] == ["g1:/data/x", "g2:/data/x", "g3:/data/x"]


def test_a_volume_that_stays_stopped_grows_and_owes_its_rebalance(observed, declare):
    more = [*DISTREP["bricks"], *bricks("g1", "g2", "g3", path="/data/x")]
    stopped = planned_for(observed, declare(**{**DISTREP, "bricks": more}))
    started = planned_for(observed, declare(**{**DISTREP, "bricks": more, "state": "started"}))

    assert (stopped.work.rebalance, started.work.rebalance) == (False, True)
    assert stopped.step.after["options"]["user.berthage-rebalance"] == "owed"
    assert started.step.after["options"]["user.berthage-rebalance"] == "done"


def with_options(observed, name, **options):
    volume = observed.volumes[name]
    options = {f"user.berthage-{option}": value for option, value in options.items()}
    marked = replace(volume, options={**volume.options, **options})
    return replace(observed, volumes={**observed.volumes, name: marked})


DIST = {"name": "dist", "replica": 0, "bricks": bricks("g1", "g2", path="/data/brick1/dist")}


def test_a_rebalance_that_is_owed_is_done_by_the_next_run(observed, declare):
    observed = with_options(observed, "dist", rebalance="owed")

    planned = planned_for(observed, declare(**DIST, reset_options=True, auth_allow=["10.0.0.1"]))

    assert (planned.work.rebalance, planned.work.forgive_rebalance) == (True, False)
    assert "user.berthage-rebalance" not in planned.work.reset_options
    assert planned.step.after["options"]["user.berthage-rebalance"] == "done"
    assert "rebalance: declared 'completed', actual 'owed since bricks were added'" in map(str, planned.step.drift)
    assert planned_for(observed, declare(**DIST, state="stopped")).work == Work(stop=True)


@pytest.mark.parametrize("state", ["started", "stopped"])
def test_one_set_of_bricks_owes_no_rebalance_and_is_cleared_of_it(observed, declare, state):
    """As after a run that was killed before gluster added the bricks, or whose bricks gluster refused late."""
    observed = with_options(observed, "gv0", rebalance="owed")

    planned = planned_for(observed, declare(state=state))

    assert (planned.work.rebalance, planned.work.forgive_rebalance) == (False, True)
    assert planned.step.after["options"]["user.berthage-rebalance"] == "done"
    assert "rebalance: declared 'needless with one set of bricks', actual 'owed since bricks were added'" in map(
        str, planned.step.drift
    )
    settled = with_options(observed, "gv0", rebalance="done")
    assert planned_for(settled, declare()).step.action == "keep"


def test_going_back_to_one_set_of_bricks_waits_for_no_rebalance(observed, declare):
    fewer = {**DISTREP, "bricks": DISTREP["bricks"][3:], "state": "started"}
    observed = with_options(observed, "distrep", rebalance="owed")

    work = planned_for(observed, declare(**fewer), allow=["shrink"]).work

    assert work.drain
    assert (work.rebalance, work.forgive_rebalance) == (False, True)


@pytest.mark.parametrize(
    ("declared", "told"), [({}, "10.0.0.7,g1"), ({"auth_allow": ["10.0.0.9"]}, "10.0.0.9")], ids=["kept", "declared"]
)
def test_who_is_allowed_is_told_to_all_hosts_after_a_run_that_was_killed_while_it_replaced_a_brick(
    observed, declare, declared, told
):
    gv0 = observed.volumes["gv0"]
    marked = {**gv0.options, "auth.allow": "10.0.0.7,g1", "user.berthage-auth-allow": "10.0.0.7,g1"}
    killed = replace(observed, volumes={**observed.volumes, "gv0": replace(gv0, options=marked)})

    planned = planned_for(killed, declare(**declared))

    assert planned.step.action == "update"
    assert planned.work == Work(set_options={"auth.allow": told, "user.berthage-auth-allow": "done"})
    assert "options.user.berthage-auth-allow" in [item.field for item in planned.step.drift]
    settled = replace(gv0, options={**marked, **planned.work.set_options})
    after = replace(observed, volumes={**observed.volumes, "gv0": settled})
    assert planned_for(after, declare(**declared, reset_options=True)).work.set_options == {}
    assert planned_for(after, declare(**declared)).step.action == "keep"


def test_sets_are_drained_and_bricks_replaced_where_that_is_allowed(observed, declare):
    drained = planned_for(
        observed, declare(**{**DISTREP, "bricks": DISTREP["bricks"][3:], "state": "started"}), allow=["shrink"]
    )
    replaced = planned_for(
        observed, declare(bricks=[*bricks("g1", "g2", path="/data/brick1/gv0"), "g3:/data/x"]), allow=["replace_brick"]
    )

    assert drained.work.start
    assert drained.work.drain == tuple(f"{host}:/data/brick1/dr1" for host in ("g1", "g2", "g3"))
    assert replaced.work == Work(replace=(("10.99.0.13:/data/brick1/gv0", "g3:/data/x"),))
    assert replaced.step.after["bricks"][2] == "g3:/data/x"


def test_a_stopped_volume_is_not_drained(observed, declare):
    step = planned_for(observed, declare(**{**DISTREP, "bricks": DISTREP["bricks"][3:]}), allow=["shrink"]).step

    assert "distrep, state: copies, draining and replacing need the volume's bricks running" in step.message


def with_task(observed, *tasks, offline=()):
    gv0 = observed.volumes["gv0"]
    bricks_there = tuple(replace(brick, online=place not in offline) for place, brick in enumerate(gv0.bricks))
    volume = replace(gv0, tasks=tasks, bricks=bricks_there)
    return replace(observed, volumes={**observed.volumes, "gv0": volume})


def test_draining_that_nobody_declares_is_refused(observed, declare):
    draining = with_task(observed, Task("Remove brick", "in progress", ("g1:/data/brick1/gv0",)))

    step = planned_for(draining, declare(), allow=["shrink"]).step

    assert "g1:/data/brick1/gv0 is being removed (in progress), which is not what is declared" in step.message
    assert "gluster volume remove-brick gv0 g1:/data/brick1/gv0 stop" in step.message


def test_bricks_stay_as_they_are_during_a_rebalance(observed, declare):
    busy = with_task(observed, Task("Rebalance", "in progress"))
    done = with_task(observed, Task("Rebalance", "completed"))

    assert "a rebalance is under way" in planned_for(busy, declare(bricks=GROWN)).step.message
    assert planned_for(busy, declare()).step.action == "keep"
    assert planned_for(done, declare(bricks=GROWN)).step.action == "update"


def test_a_dead_brick_that_is_replaced_is_not_started_before(observed, declare):
    dead = with_task(observed, offline={2})
    other = [*bricks("g1", "g2", path="/data/brick1/gv0"), "g3:/data/x"]

    planned = planned_for(dead, declare(bricks=other), allow=["replace_brick"])

    assert not planned.work.restart_bricks
    assert "bricks_offline" not in planned.step.after


def test_nothing_is_replaced_while_nobody_would_fill_it(observed, declare):
    gv0 = observed.volumes["gv0"]
    off = replace(gv0, options={**gv0.options, "cluster.self-heal-daemon": "disable"})
    observed = replace(observed, volumes={**observed.volumes, "gv0": off})
    other = [*bricks("g1", "g2", path="/data/brick1/gv0"), "g3:/data/x"]

    refused = planned_for(observed, declare(bricks=other), allow=["replace_brick"]).step
    turned_on = declare(bricks=other, options={"cluster.self-heal-daemon": True})

    assert "the volume's self-heal daemon is off" in refused.message
    assert planned_for(observed, turned_on, allow=["replace_brick"]).step.action == "update"


@pytest.mark.parametrize("profile", [None, "containers"])
def test_a_dead_brick_that_could_be_written_to_alone_is_not_replaced_whatever_this_run_would_set(
    observed, declare, profile
):
    def step(offline, **options):
        seen = with_task(observed, offline=offline)
        gv0 = replace(seen.volumes["gv0"], options=options)
        planned = planned_for(
            replace(seen, volumes={**seen.volumes, "gv0": gv0}),
            declare(bricks=[*bricks("g1", "g2", path="/data/brick1/gv0"), "g3:/data/x"], profile=profile),
            allow=["replace_brick"],
        )
        return planned.step, planned.work

    refused, _work = step({2}, **{"cluster.quorum-type": "none"})
    assert "10.99.0.13:/data/brick1/gv0 cannot be replaced: it is offline, and may alone hold" in refused.message
    assert "bring it back, and let it heal" in refused.message
    assert step({2})[0].action == "update"
    # It may still die on the way.
    alive, work = step((), **{"cluster.quorum-type": "none"})
    assert (alive.action, work.lone_writes) == ("update", True)
    assert not step(())[1].lone_writes


def test_two_dead_bricks_of_one_set_are_not_replaced(observed, declare):
    dead = with_task(observed, offline={1, 2})
    other = ["g1:/data/brick1/gv0", *bricks("g2", "g3", path="/data/x")]

    step = planned_for(dead, declare(bricks=other), allow=["replace_brick"]).step

    assert (
        "g2:/data/brick1/gv0 cannot be replaced while 10.99.0.13:/data/brick1/gv0 of its set is offline" in step.message
    )


def test_nothing_is_added_past_a_host_that_is_gone(members, volumes, declare):
    observed = with_task(Observed(members, NAMES, volumes), offline={2})
    grown = [*bricks("g1", "g2", "g3", path="/data/brick1/gv0"), *bricks("g1", "g2", "g3", path="/data/x")]

    step = planned_for(observed, declare(bricks=grown)).step

    assert "10.99.0.13:/data/brick1/gv0 is offline and its host not connected" in step.message
    assert "g3:/data/x: its host is not connected" in step.message


def test_new_bricks_of_a_volume_are_looked_at_before_gluster_takes_them(observed, declare):
    specs = volume_specs([declare(bricks=GROWN)])

    assert to_look_at(specs, observed) == ("/data/x",)
    marked = replace(observed, marked=frozenset({"/data/x"}))
    assert "g1:/data/x carries the mark of a volume" in planned_for(marked, declare(bricks=GROWN)).step.message


def test_dispersed_and_distributed_volumes_are_recognised(observed, declare):
    disp = declare(
        name="disp",
        replica=0,
        disperse=3,
        redundancy=1,
        state="stopped",
        bricks=bricks("g1", "g2", "g3", path="/data/brick1/disp"),
    )
    dist = declare(name="dist", replica=0, bricks=bricks("g2", "g1", path="/data/brick1/dist"))

    assert [item.step.action for item in planned_for(observed, disp, dist)] == ["keep", "keep"]


def test_a_new_volume_is_created_with_its_options_and_then_started(observed, declare):
    planned = planned_for(
        observed,
        declare(name="new", bricks=bricks("g1", "g2", "g3", path="/data/brick1/new"), options={"nfs.disable": True}),
    )

    assert planned.step.action == "create"
    assert planned.step.before is None
    assert planned.work == Work(
        create=("replica", "3", "g1:/data/brick1/new", "g2:/data/brick1/new", "g3:/data/brick1/new"),
        set_options={"nfs.disable": "on"},
        start=True,
    )


def test_a_new_volume_that_is_declared_stopped_is_not_started(observed, declare):
    planned = planned_for(
        observed, declare(name="new", state="stopped", bricks=bricks("g1", "g2", "g3", path="/data/n"))
    )

    assert not planned.work.start


@pytest.mark.parametrize(
    ("brick", "told"),
    [
        ("elsewhere:/data/n", "elsewhere is no member of the pool; add it first: berthage.swarm.gluster_pool"),
        ("unknown:/data/n", "unknown is no member of the pool, and its name does not resolve on this host"),
        ("10.99.0.11:/data/m", "has several bricks of one set"),
        ("g3:/data/brick1/gv0", "g3:/data/brick1/gv0 is, holds or lies inside the brick /data/brick1/gv0 of gv0"),
        ("g3:/data/brick1/gv0/sub", "lies inside the brick /data/brick1/gv0 of gv0"),
        ("g3:/data", "is, holds or lies inside the brick"),
    ],
)
def test_a_brick_that_cannot_be_one_is_refused(observed, declare, brick, told):
    step = planned_for(observed, declare(name="new", bricks=["g1:/data/n", "g2:/data/n", brick])).step

    assert step.action == "refused"
    assert told in step.message


def test_a_directory_beside_a_brick_with_a_similar_name_is_free(observed, declare):
    new = declare(name="new", bricks=bricks("g1", "g2", "g3", path="/data/brick1/gv00"))

    assert planned_for(observed, new).step.action == "create"


def test_a_new_volume_needs_all_of_its_hosts(members, volumes, declare):
    step = planned_for(
        Observed(members, NAMES, volumes), declare(name="new", bricks=bricks("g1", "g2", "g3", path="/data/n"))
    ).step

    assert "g3:/data/n: its host is not connected" in step.message


def test_a_directory_that_belonged_to_a_volume_is_not_taken_over(observed, declare):
    observed = replace(observed, marked=frozenset({"/data/n"}))
    step = planned_for(observed, declare(name="new", bricks=bricks("g1", "g2", "g3", path="/data/n"))).step

    assert "g1:/data/n carries the mark of a volume" in step.message
    assert "g2:/data/n carries" not in step.message


def test_options_that_differ_are_set_and_named(observed, declare):
    planned = planned_for(observed, declare(options={"ping-timeout": 5, "nfs.disable": "enable"}))

    assert planned.step.action == "update"
    assert [str(difference) for difference in planned.step.drift] == [
        "options.network.ping-timeout: declared '5', actual '10'"
    ]
    assert planned.work == Work(set_options={"network.ping-timeout": "5"})
    assert planned.step.after["options"]["network.ping-timeout"] == "5"


def test_undeclared_options_are_reset_only_when_asked_for(observed, declare):
    kept = planned_for(observed, declare())
    reset = planned_for(observed, declare(reset_options=True))

    assert kept.step.action == "keep"
    # Without auth.allow, everybody may use it.
    assert reset.work == Work(reset_options=("network.ping-timeout",))
    assert reset.step.after["options"]["auth.allow"] == reset.step.before["options"]["auth.allow"]
    assert reset.step.after["options"]["nfs.disable"] == "on"


def test_a_created_volume_is_started(observed, declare):
    planned = planned_for(
        observed, declare(name="arb", arbiter=1, bricks=bricks("g1", "g2", "g3", path="/data/brick1/arb"))
    )

    assert planned.work == Work(start=True)
    assert [str(difference) for difference in planned.step.drift] == ["state: declared 'started', actual 'stopped'"]


def test_a_killed_brick_is_brought_up_again(observed, answer, declare):
    volumes = with_status(volumes_in(answer("volume_info_all")), answer("volume_status_brick_killed"))

    planned = planned_for(replace(observed, volumes=volumes), declare())

    assert planned.work == Work(restart_bricks=True)
    assert "bricks_offline" in planned.step.before
    assert "bricks_offline" not in planned.step.after


def test_a_brick_whose_disk_is_missing_is_not_started_empty(observed, answer, declare):
    volumes = with_status(volumes_in(answer("volume_info_all")), answer("volume_status_brick_killed"))
    (down,) = volumes["gv0"].offline
    members = tuple(replace(member, is_local=member.uuid == down.peer) for member in observed.members)
    lost = replace(observed, members=members, volumes=volumes, unmarked=frozenset({down.path}))
    elsewhere = replace(lost, members=tuple(replace(member, is_local=False) for member in members))

    assert offline_here(volume_specs([declare()]), lost) == (down.path,)
    assert (
        f"{down} is down, and its directory without the mark of the volume" in planned_for(lost, declare()).step.message
    )
    assert planned_for(replace(lost, unmarked=frozenset()), declare()).work.restart_bricks
    assert offline_here(volume_specs([declare()]), elsewhere) == ()
    assert planned_for(elsewhere, declare()).work.restart_bricks


def test_a_brick_whose_host_is_gone_changes_nothing_and_is_said(answer, declare):
    volumes = volumes_in(answer("volume_info_all"))
    online = {
        name: replace(
            volume,
            bricks=tuple(replace(brick, online=brick.host != "10.99.0.13") for brick in volume.bricks),
        )
        for name, volume in volumes.items()
    }
    members = members_in(answer("pool_list_one_disconnected"))

    step = planned_for(Observed(members, NAMES, online), declare()).step

    assert step.action == "keep"
    assert step.message == "offline, since the host is not connected: 10.99.0.13:/data/brick1/gv0"


def test_a_running_volume_is_stopped_when_nobody_uses_it(observed, declare):
    specs = volume_specs([declare(state="stopped")])

    assert would_stop(specs, observed.volumes) == ("gv0",)
    unused = replace(observed, clients={"gv0": {"glustershd": 3}})
    assert planned_for(unused, declare(state="stopped")).work == Work(stop=True)


@pytest.mark.parametrize("state", ["stopped", "absent"])
def test_a_volume_in_use_is_neither_stopped_nor_deleted(observed, declare, state):
    used = replace(observed, clients={"gv0": {"glustershd": 3, "fuse": 2}})

    step = planned_for(used, declare(state=state), allow=["delete"]).step

    assert step.action == "refused"
    assert "gv0, state: the volume is in use (2 by fuse)" in step.message


def test_a_volume_is_deleted_only_when_that_is_allowed(observed, declare):
    refused = planned_for(observed, declare(state="absent")).step
    allowed = planned_for(observed, declare(state="absent"), allow=["delete"])

    assert "add `allow: [delete]`; the files in the bricks stay" in refused.message
    assert allowed.step.action == "remove"
    assert allowed.work == Work(stop=True, delete=True)


def test_a_volume_that_is_not_there_is_absent_already(observed, declare):
    assert planned_for(observed, declare(name="gone", state="absent")).step.action == "none"


def test_all_refusals_of_all_volumes_are_found(observed, declare):
    gv0, new = planned_for(
        observed,
        declare(replica=0),
        declare(name="new", bricks=["g1:/data/n", "elsewhere:/data/n", "unknown:/data/n"]),
    )

    assert len(gv0.step.problems) == 1
    assert len(new.step.problems) == 2
