# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each text is what gluster 10.3 said."""

from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.words import in_plain_words


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "The brick g1:/srv/gv1 is being created in the root partition. It is recommended that you don't use the "
            "system's root partition for storage backend. Or use 'force' at the end of the command if you want to "
            "override this behavior.",
            ["brick g1:/srv/gv1 would lie on the root file system", "`force: true`"],
        ),
        (
            "Multiple bricks of a replicate volume are present on the same server. This setup is not optimal. Bricks "
            "should be on different nodes to have best fault tolerant configuration. Use 'force' at the end of the "
            "command if you want to override this behavior.",
            ["where copies are added to several sets at once it is mistaken", "`force: true`"],
        ),
        (
            "Volume name spread rebalance is in progress. Please retry after completion",
            ["a rebalance is under way, during which bricks stay as they are"],
        ),
        (
            "Snapshot is supported only for thin provisioned LV. Ensure that all bricks of plain are thinly "
            "provisioned LV.",
            ["only where every brick of the volume is on a thin logical volume (LVM) of its own", "lvs -o"],
        ),
        (
            "g2 is part of existing snapshot. Remove those snapshots before proceeding",
            ["g2 holds parts of snapshots", "gluster snapshot status"],
        ),
        ("/data/brick1/gv1 is already part of a volume", ["the directory /data/brick1/gv1 carries", "rm -r"]),
        (
            "Staging failed on g2. Error: /data/brick1/gv1 is already part of a volume",
            ["the directory /data/brick1/gv1 on g2 carries"],
        ),
        (
            "Staging failed on g2. Error: Brick: g2:/data/brick1/gv0 not available. Brick may be containing or be "
            "contained by an existing brick.",
            ["brick g2:/data/brick1/gv0 is, holds or lies inside a brick of another volume"],
        ),
        (
            "Failed to create brick directory for brick g1:/data/nodir/gv1. Reason : No such file or directory ",
            ["brick g1:/data/nodir/gv1 cannot be made: No such file or directory;"],
        ),
        (
            "Glusterfs is not supported on brick: g1:/mnt/gv1.\nSetting extended attributes failed, reason: "
            "Operation not supported.",
            ["brick g1:/mnt/gv1 takes no trusted extended attributes (Operation not supported", "use xfs or ext4"],
        ),
        ("Host 10.99.0.77 is not in 'Peer in Cluster' state", ["10.99.0.77 is no connected member", "gluster_pool"]),
        ("Host g3 not connected", ["g3 is no connected member"]),
        (
            "option : network.ping-timeoot does not exist\nDid you mean network.ping-timeout?",
            ["no option network.ping-timeoot", "network.ping-timeout"],
        ),
        (
            "Another transaction is in progress for gv0. Please try again after some time.",
            ["another gluster command holds the lock"],
        ),
        ("Locking failed on g2. Please check log file for details.", ["holds the lock on g2"]),
        (
            "g4 is either already part of another cluster or having volumes configured",
            ["g4 belongs to another pool", "run this on one of its members"],
        ),
        ('invalid time format "hello" in "option ping-timeout"', ['gluster says: invalid time format "hello"']),
    ],
)
def test_a_refusal_says_what_is_wrong_and_what_to_do_in_one_line(said, told):
    words = in_plain_words(said)

    assert "\n" not in words
    for part in told:
        assert part in words


def test_the_unknown_is_passed_on_as_it_is_in_one_line():
    assert in_plain_words("volume stop: gv0: failed:\n  odd {thing} ") == (
        "gluster says: volume stop: gv0: failed: odd {thing}"
    )


def test_every_host_that_refuses_is_heard():
    words = in_plain_words(
        "Staging failed on g2. Error: Failed to create brick directory for brick g2:/nodir/x. Reason : No such file or "
        "directory \nStaging failed on g3. Error: /data/x is already part of a volume"
    )

    assert words.startswith("brick g2:/nodir/x cannot be made: No such file or directory;")
    assert "; moreover, the directory /data/x on g3 carries the mark of a volume" in words
