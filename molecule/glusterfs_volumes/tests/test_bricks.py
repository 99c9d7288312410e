# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layouts, and their bricks on the way: growth, shrinking, replacement. In the order of this file."""

from __future__ import annotations

import pytest
from checks import node, wait_for
from gluster_volume_calls import (
    bricks_of,
    checksums,
    files_in,
    gluster,
    info,
    killed_after,
    mount,
    unmount,
    volumes,
    write_files,
)

testinfra_hosts = ["ansible://node1"]


def bricks(volume: str, *numbers: int) -> list[str]:
    return [f"node{number}:/data/bricks/{volume}" for number in numbers]


COPIED = {"name": "copied", "replica": 3, "bricks": bricks("copied", 1, 2, 3)}
ARBITRATED = {"name": "arbitrated", "replica": 3, "arbiter": 1, "bricks": bricks("arbitrated", 1, 2, 3)}
CODED = {"name": "coded", "disperse": 3, "redundancy": 1, "bricks": bricks("coded", 1, 2, 3)}
SPREAD = {"name": "spread", "bricks": bricks("spread", 1, 2)}
SPREAD_COPIES = {
    "name": "spread_copies",
    "replica": 3,
    "bricks": [*bricks("spread_copies", 1, 2, 3), *bricks("spread_copies_2", 2, 3, 4)],
}


def kept(host, *declared) -> bool:
    """Whether a further run changes nothing, by its own word and by gluster's."""
    before = info(host, "all")
    result = volumes(host, *declared)
    assert not result["failed"], result["msg"]
    return not result["changed"] and info(host, "all") == before


def test_there_is_one_volume_of_each_layout(host):
    kinds = {
        volume.findtext("name"): volume.findtext("typeStr") for volume in gluster(host, "volume", "info").iter("volume")
    }

    assert kinds == {
        "spread": "Distribute",
        "copied": "Replicate",
        "arbitrated": "Replicate",
        "coded": "Disperse",
        "spread_copies": "Distributed-Replicate",
    }
    assert kept(host, COPIED, ARBITRATED, CODED, SPREAD, SPREAD_COPIES)


def test_another_order_of_sets_and_in_them_is_no_change_and_other_sets_are_refused(host):
    one, two = SPREAD_COPIES["bricks"][:3], SPREAD_COPIES["bricks"][3:]
    assert kept(host, {**SPREAD_COPIES, "bricks": [two[2], two[0], two[1], one[1], one[0], one[2]]})

    result = volumes(host, {**SPREAD_COPIES, "bricks": [one[0], one[1], two[1], two[0], one[2], two[2]]})

    assert result["failed"]
    assert "grouped into other sets than the volume's" in result["msg"]


def test_more_bricks_are_added_and_get_their_share(host):
    before = write_files(host, mount(host, "spread") + "/d", 60)
    grown = {**SPREAD, "bricks": bricks("spread", 1, 2, 3)}
    plan = volumes(host, grown, check=True)
    assert bricks_of(host, "spread") == SPREAD["bricks"]

    result = volumes(host, grown)

    assert (result["failed"], result["changed"]) == (False, True)
    assert bricks_of(host, "spread") == grown["bricks"]
    assert [item["field"] for item in result["volumes"][0]["drift"]] == ["bricks"]
    assert plan["diff"] == result["diff"]
    assert files_in("node3:/data/bricks/spread") > 5
    assert checksums(host, "/mnt/spread/d") == before
    assert "user.berthage-rebalance: done" in info(host, "spread")
    assert kept(host, grown)


def test_fewer_bricks_are_refused_unless_it_is_allowed(host):
    before = info(host, "spread")

    result = volumes(host, SPREAD)

    assert result["failed"]
    assert "/data/bricks/spread would be emptied onto the others and removed" in result["msg"]
    assert "add `allow: [shrink]`" in result["msg"]
    assert info(host, "spread") == before


def test_a_file_that_cannot_be_moved_keeps_its_brick_in_the_volume(host):
    third = node("node3")
    before = checksums(host, "/mnt/spread/d")
    files = "$(find /data/bricks/spread/d -type f -size +0 | head -n 2)"
    third.check_output(f"chattr +i {files}")

    result = volumes(host, SPREAD, allow=["shrink"])

    assert result["failed"]
    assert "node3:/data/bricks/spread".partition(":")[2] in result["msg"]
    assert "still holds data and stays part of spread, since not everything could be moved off it" in result["msg"]
    assert bricks_of(host, "spread") == bricks("spread", 1, 2, 3)
    assert checksums(host, "/mnt/spread/d") == before

    unwanted = volumes(host, {**SPREAD, "bricks": bricks("spread", 1, 2, 3)})
    assert "which is not what is declared" in unwanted["msg"]

    third.check_output("chattr -R -i /data/bricks/spread/d")
    again = volumes(host, SPREAD, allow=["shrink"])

    assert not again["failed"], again["msg"]
    assert bricks_of(host, "spread") == SPREAD["bricks"]
    assert checksums(host, "/mnt/spread/d") == before
    assert files_in("node3:/data/bricks/spread") == 0
    assert kept(host, SPREAD)


def test_a_mover_that_dies_is_told_and_the_next_run_goes_on_once_glusterd_was_restarted(host):
    third = node("node3")
    before = checksums(host, "/mnt/spread")
    grown = {**SPREAD, "bricks": [*SPREAD["bricks"], "node3:/data/bricks/spread_b"]}
    assert not volumes(host, grown)["failed"]
    killer = "for i in $(seq 600); do pkill -9 -f rebalance/[s]pread && exit; sleep 0.1; done"
    third.check_output(f"nohup sh -c '{killer}' >/dev/null 2>&1 &")

    result = volumes(host, SPREAD, allow=["shrink"])

    # Killed before it had called glusterd, or after that.
    assert result["failed"]
    assert "its glusterd has not noticed" in result["msg"] or "still holds data" in result["msg"]
    assert bricks_of(host, "spread") == grown["bricks"]
    assert checksums(host, "/mnt/spread") == before

    third.check_output("systemctl restart glusterd")
    assert wait_for(lambda: not volumes(host, SPREAD, allow=["shrink"], check=True)["failed"], seconds=60, pause=2)
    again = volumes(host, SPREAD, allow=["shrink"])
    assert not again["failed"], again["msg"]
    assert bricks_of(host, "spread") == SPREAD["bricks"]
    assert checksums(host, "/mnt/spread") == before


@pytest.mark.parametrize("changes", [1, 2, 3, 4])
def test_growth_that_is_killed_is_finished_by_the_next_run(host, changes):
    """Set the mark, add, start the rebalance, take the mark away."""
    before = checksums(host, "/mnt/spread")
    grown = {**SPREAD, "bricks": [*bricks_of(host, "spread"), f"node{1 + changes % 4}:/data/bricks/spread_{changes}"]}

    with killed_after(host, changes):
        assert volumes(host, grown)["failed"]
    result = volumes(host, grown)

    assert not result["failed"], result["msg"]
    assert result["changed"] is (changes < 4)
    assert bricks_of(host, "spread") == grown["bricks"]
    assert files_in(grown["bricks"][-1]) > 0
    assert "user.berthage-rebalance: done" in info(host, "spread")
    assert checksums(host, "/mnt/spread") == before
    assert kept(host, grown)


@pytest.mark.parametrize("changes", [1, 2])
def test_shrinking_that_is_killed_is_finished_by_the_next_run(host, changes):
    """Start to drain, remove."""
    before = checksums(host, "/mnt/spread")
    there = bricks_of(host, "spread")
    fewer = {**SPREAD, "bricks": there[:-1]}

    with killed_after(host, changes):
        assert volumes(host, fewer, allow=["shrink"])["failed"]
    if changes == 1:
        assert bricks_of(host, "spread") == there
    result = volumes(host, fewer, allow=["shrink"])

    assert not result["failed"], result["msg"]
    assert bricks_of(host, "spread") == fewer["bricks"]
    assert files_in(there[-1]) == 0
    assert checksums(host, "/mnt/spread") == before
    assert kept(host, fewer)


def test_whole_sets_are_drained_and_parts_of_one_are_not(host):
    before = write_files(host, mount(host, "spread_copies") + "/d", 40)
    there = bricks_of(host, "spread_copies")
    assert files_in(there[3]) > 5

    part = volumes(host, {**SPREAD_COPIES, "bricks": there[:5]}, allow=["shrink"])
    assert "spread_copies, bricks: 5 of them make no whole sets of 3" in part["msg"]

    result = volumes(host, {**SPREAD_COPIES, "bricks": there[:3]}, allow=["shrink"])

    assert not result["failed"], result["msg"]
    assert bricks_of(host, "spread_copies") == there[:3]
    assert gluster(host, "volume", "info", "spread_copies").findtext(".//typeStr") == "Replicate"
    assert [files_in(brick) for brick in there] == [40, 40, 40, 0, 0, 0]
    assert checksums(host, "/mnt/spread_copies/d") == before


def test_replacing_is_refused_unless_it_is_allowed(host):
    before = info(host, "copied")

    result = volumes(host, {**COPIED, "bricks": bricks("copied", 1, 2, 4)})

    assert result["failed"]
    assert "would be replaced" in result["msg"]
    assert "add `allow: [replace_brick]`" in result["msg"]
    assert info(host, "copied") == before


def test_two_bricks_of_one_set_are_replaced_one_after_the_other(host):
    before = write_files(host, mount(host, "copied") + "/d", 50)
    other = {
        **COPIED,
        "bricks": ["node1:/data/bricks/copied", "node4:/data/bricks/copied", "node3:/data/bricks/copied_b"],
    }

    result = volumes(host, other, allow=["replace_brick"])

    assert not result["failed"], result["msg"]
    assert bricks_of(host, "copied") == other["bricks"]
    for brick in other["bricks"]:
        name, _colon, path = brick.partition(":")
        assert checksums(node(name), f"{path}/d") == before
    assert kept(host, other)
    assert len({account_of(number, "copied") for number in (1, 2, 3, 4)}) == 1


@pytest.mark.parametrize("changes", [1, 2])
def test_a_dead_arbiter_and_a_dead_brick_with_data_are_replaced(host, changes):
    """First the arbiter, then one with data, while files were written that it lacks; the run is killed in between: what
    it has done by then is the mark, and replacing the brick."""
    directory = f"{mount(host, 'arbitrated')}/{changes}"
    place = {1: 2, 2: 1}[changes]
    there = bricks_of(host, "arbitrated")
    victim, path = there[place].split(":")
    node(victim).check_output("kill -9 $(cat /var/run/gluster/vols/arbitrated/*.pid)")
    before = write_files(host, directory, 30)
    wanted = list(there)
    wanted[place] = f"{victim}:/data/bricks/arbitrated_new"

    with killed_after(host, 2):
        assert volumes(host, {**ARBITRATED, "bricks": wanted}, allow=["replace_brick"])["failed"]
    assert bricks_of(host, "arbitrated") == wanted
    assert len({account_of(number, "arbitrated") for number in (1, 2, 3, 4)}) > 1
    # The new brick may still be on its way up.
    assert wait_for(lambda: kept(host, {**ARBITRATED, "bricks": wanted}), seconds=60)
    assert wait_for(lambda: files_like(wanted[place], directory) == 30, seconds=60)
    assert len({account_of(number, "arbitrated") for number in (1, 2, 3, 4)}) == 1

    assert checksums(host, directory) == before
    if changes == 2:
        assert checksums(node(victim), f"/data/bricks/arbitrated_new/{changes}") == before
    assert path == "/data/bricks/arbitrated"


def state_of(host, volume: str) -> list[dict]:
    """The bricks as the module sees them, which it does without changing anything in check mode."""
    declared = {"name": volume, "disperse": 3, "redundancy": 1, "bricks": bricks_of(host, volume)}
    return volumes(host, declared, check=True)["volumes"][0]["bricks"]


def pending(host, volume: str) -> int:
    """Of whomever says anything: a brick that has just been put in may not yet."""
    summary = gluster(host, "volume", "heal", volume, "info", "summary")
    return sum(int(count.text) for count in summary.iter("totalNumberOfEntries") if count.text != "-")


def account_of(number: int, volume: str) -> str:
    """What a host has written down of a volume. Where these differ, the next glusterd to start is rejected."""
    return node(f"node{number}").check_output(f"sort /var/lib/glusterd/vols/{volume}/info")


def files_like(brick: str, directory: str) -> int:
    name, _colon, path = brick.partition(":")
    return int(node(name).check_output(f"ls {path}/{directory.rpartition('/')[2]} 2>/dev/null | wc -l"))


def test_a_dispersed_brick_is_replaced_and_then_carries_its_share(host):
    before = write_files(host, mount(host, "coded") + "/d", 30, 20_000)
    other = {**CODED, "bricks": bricks("coded", 1, 2, 4)}

    result = volumes(host, other, allow=["replace_brick"])

    assert not result["failed"], result["msg"]
    assert bricks_of(host, "coded") == other["bricks"]
    assert kept(host, other)
    # Without one of the old ones, each byte needs the new one.
    node("node2").check_output("kill -9 $(cat /var/run/gluster/vols/coded/*.pid)")
    unmount(host, "coded")
    assert checksums(host, mount(host, "coded") + "/d") == before
    assert volumes(host, other)["changed"]


def test_a_dead_dispersed_brick_is_not_replaced_while_another_one_lacks_what_it_has(host):
    """Written while node2's was down: then node4's is lost, and node1's alone cannot fill two others."""
    host.check_output("gluster --mode=script volume heal coded disable")
    node("node2").check_output("kill -9 $(cat /var/run/gluster/vols/coded/*.pid)")
    write_files(host, "/mnt/coded/e", 5, 20_000)
    host.check_output("gluster --mode=script volume start coded force")
    assert wait_for(lambda: all(brick["online"] for brick in state_of(host, "coded")), seconds=30)
    node("node4").check_output("kill -9 $(cat /var/run/gluster/vols/coded/*.pid)")
    there = bricks_of(host, "coded")
    other = {**CODED, "bricks": [*there[:2], "node3:/data/bricks/coded_c"]}
    off = volumes(host, other, allow=["replace_brick"])
    assert "self-heal daemon is off" in off["msg"]
    host.check_output("gluster --mode=script volume heal coded enable")

    result = volumes(host, other, allow=["replace_brick"], heal_timeout=5)

    assert result["failed"]
    assert "it is offline, and may alone hold what was written last" in result["msg"]
    assert bricks_of(host, "coded") == there
    assert volumes(host, {**CODED, "bricks": there})["changed"]


def test_a_dispersed_brick_whose_run_was_killed_is_filled_before_another_one_is_replaced(host):
    """Killed right after gluster replaced it, while it is empty."""
    there = {"name": "filled", "disperse": 3, "redundancy": 1, "bricks": bricks("filled", 1, 2, 3)}
    assert not volumes(host, there)["failed"]
    before = write_files(host, mount(host, "filled") + "/d", 20, 20_000)
    unmount(host, "filled")  # who looks at a file has it healed
    assert wait_for(lambda: pending(host, "filled") == 0, seconds=30)
    first = {**there, "bricks": bricks("filled", 1, 2, 4)}
    second = {
        **there,
        "bricks": ["node1:/data/bricks/filled", "node3:/data/bricks/filled_b", "node4:/data/bricks/filled"],
    }

    with killed_after(host, 2):  # the old one is ended, and replaced
        assert volumes(host, first, allow=["replace_brick"])["failed"]
    assert bricks_of(host, "filled") == first["bricks"]
    assert pending(host, "filled") or files_in(first["bricks"][2]) == 20

    result = volumes(host, second, allow=["replace_brick"])

    assert not result["failed"], result["msg"]
    assert [files_in(brick) for brick in second["bricks"]] == [20, 20, 20]
    assert kept(host, second)
    # What the two new ones hold is all of it.
    node("node1").check_output("kill -9 $(cat /var/run/gluster/vols/filled/*.pid)")
    assert checksums(host, mount(host, "filled") + "/d") == before
    unmount(host, "filled")


def test_who_goes_back_after_bricks_were_refused_or_a_run_was_killed_before_owes_no_rebalance(host):
    there = {**COPIED, "bricks": bricks_of(host, "copied")}
    refused = {**there, "bricks": [*there["bricks"], *bricks("not-there/copied", 1, 2, 4)]}
    assert "not-there" in volumes(host, refused)["msg"]
    assert "user.berthage-rebalance: done" in info(host, "copied")
    assert kept(host, there)

    with killed_after(host, 1):
        assert volumes(host, refused)["failed"]
    assert "user.berthage-rebalance: owed" in info(host, "copied")
    result = volumes(host, there)

    assert (result["failed"], result["changed"]) == (False, True)
    assert kept(host, there)


def test_two_copies_get_an_arbiter(host):
    two = {"name": "doubled", "replica": 2, "accept_split_brain": True, "bricks": bricks("doubled", 1, 2, 3, 4)}
    assert not volumes(host, two)["failed"]
    before = write_files(host, mount(host, "doubled") + "/d", 40)
    one, other = bricks("doubled", 1, 2), bricks("doubled", 3, 4)
    arbiters = ["node3:/data/bricks/doubled_a", "node1:/data/bricks/doubled_a"]
    three = {
        "name": "doubled",
        "replica": 3,
        "arbiter": 1,
        # The other set first: each arbiter goes to the set beside which it is listed all the same.
        "bricks": [*other, arbiters[1], *one, arbiters[0]],
    }

    # For several sets at once gluster insists.
    assert "where copies are added to several sets at once it is mistaken" in volumes(host, three)["msg"]
    result = volumes(host, three, force=True)

    assert not result["failed"], result["msg"]
    assert bricks_of(host, "doubled") == [*one, arbiters[0], *other, arbiters[1]]
    assert files_like(arbiters[0], "d") + files_like(arbiters[1], "d") == 40
    assert checksums(host, "/mnt/doubled/d") == before
    assert kept(host, three)


def test_a_volume_in_use_stays_and_is_deleted_once_it_is_not(host):
    gone = {"name": "doubled", "state": "absent"}
    assert "the volume is in use" in volumes(host, gone, allow=["delete"])["msg"]
    unmount(host, "doubled")
    assert "add `allow: [delete]`" in volumes(host, gone)["msg"]

    stopped = volumes(
        host, {"name": "doubled", "replica": 3, "arbiter": 1, "bricks": bricks_of(host, "doubled"), "state": "stopped"}
    )
    assert not stopped["failed"], stopped["msg"]
    assert gluster(host, "volume", "info", "doubled").findtext(".//statusStr") == "Stopped"
    assert volumes(host, gone, allow=["delete"])["changed"]
    assert "doubled" not in host.check_output("gluster volume list")
    assert node("node1").file("/data/bricks/doubled/d").is_directory
    assert not volumes(host, gone, allow=["delete"])["changed"]


def test_options_by_other_names_and_values_are_no_change_and_unknown_ones_are_refused(host):
    there = {**SPREAD, "bricks": bricks_of(host, "spread")}
    first = volumes(
        host, {**there, "options": {"ping-timeout": 7, "performance.cache-size": "64MB", "nfs.disable": "on"}}
    )
    assert first["changed"]
    assert "network.ping-timeout: 7" in info(host, "spread")

    assert kept(
        host,
        {**there, "options": {"network.ping-timeout": "7", "cache-size": 67108864, "nfs.disable": "enable"}},
        COPIED | {"bricks": bricks_of(host, "copied")},
    )
    unknown = volumes(host, {**there, "options": {"no.such-option": "1"}})
    assert "no.such-option" in unknown["msg"]

    (allowed,) = [line for line in info(host, "spread").splitlines() if line.startswith("auth.allow: ")]
    back = volumes(host, {**there, "reset_options": True})
    assert back["changed"]
    # Not declared, and no way to open the volume to everybody without a word.
    assert allowed in info(host, "spread")
    assert "ping-timeout" not in info(host, "spread")
    assert "nfs.disable: on" in info(host, "spread")
