# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gluster says when it refuses, in the operator's words and with a way out. Wordings of 10.3 and 11.1."""

from __future__ import annotations

import re

# Behind each pattern: what is wrong and why; what to do. `{where}` is " on HOST" when another host than this refused.
_WORDS: tuple[tuple[str, str], ...] = (
    (
        r"The brick (?P<brick>\S+) is being created in the root partition",
        "brick {brick} would lie on the root file system, and a full volume would fill that; put it on a file system "
        "of its own, or accept it with `force: true`",
    ),
    (
        r"The brick (?P<brick>\S+) is a mount point",
        "brick {brick} is itself a mount point: were it not mounted one day, the data would land in the directory "
        "below; use a directory inside it, such as {brick}/brick",
    ),
    (
        r"(?P<path>/\S*) is already part of a volume",
        "the directory {path}{where} carries the mark of a volume: it was a brick of a deleted one, or of a creation "
        "that failed half-way; when nothing in it is needed, remove it on every host that has it (rm -r {path}), or "
        "choose another directory",
    ),
    (
        r"Brick: (?P<brick>\S+) not available. Brick may be containing or be contained",
        "brick {brick} is, holds or lies inside a brick of another volume; give it a directory of its own",
    ),
    (
        r"Failed to create brick directory for brick (?P<brick>\S+?)\. Reason : (?P<why>.*\S)",
        "brick {brick} cannot be made: {why}; make the directory above it on that host (the role glusterfs does, "
        "for each of `glusterfs_bricks`) and see that its file system is mounted",
    ),
    (
        r"not supported on brick: (?P<brick>\S+?)\.?\s.*reason: (?P<why>.*\S)",
        "the file system of brick {brick} takes no trusted extended attributes ({why}); use xfs or ext4, "
        "not overlayfs, NFS or FUSE",
    ),
    (
        r"Multiple bricks of a (?:replicate|disperse) volume are present on the same server",
        "gluster finds several bricks of one set on one host; where copies are added to several sets at once it is "
        "mistaken (10.3 takes the new ones for one set), and takes them with `force: true`, which accepts bricks on "
        "the root file system as well",
    ),
    (
        r"Snapshot is supported only for thin provisioned LV|[Ss]napshots? (?:is |are )?not supported for all bricks|"
        r"Volume does not support snapshots",
        "gluster takes snapshots only where every brick of the volume is on a thin logical volume (LVM) of its own, "
        "and{where} at least one is not; see `lvs -o lv_name,pool_lv` and `findmnt -T BRICK` on the hosts, give "
        "the volume such bricks (the role glusterfs takes such a volume as a `device`), or leave its snapshots out",
    ),
    (
        r"(?P<host>\S+) is part of existing snapshot",
        "{host} holds parts of snapshots, also of volumes that have no brick there any more; delete those first "
        "(gluster snapshot status lists them with their hosts)",
    ),
    (
        r"rebalance is in progress",
        "a rebalance is under way{where}, during which bricks stay as they are; wait for its end "
        "(gluster volume rebalance NAME status)",
    ),
    (
        r"Host (?P<host>\S+) (?:is not in 'Peer in Cluster' state|not connected)",
        "{host} is no connected member of the pool; add it with berthage.swarm.gluster_pool, "
        "and see that glusterd runs there",
    ),
    (
        r"option : (?P<option>\S+) does not exist\s*Did you mean (?P<hint>.+)\?",
        "there is no option {option}, or several go by that short name; write it in full (gluster suggests {hint})",
    ),
    (
        r"(?P<host>\S+) is either already part of another cluster or having volumes configured",
        "{host} belongs to another pool, or has volumes of its own; when it is the pool that you mean, run this on one "
        "of its members, otherwise detach it there first (gluster peer detach)",
    ),
    (
        r"Peer uuid \(host (?P<host>\S+)\) is same as local uuid",
        "{host} has the same UUID as this host, as copies of one disk image have; on a host without volumes stop "
        "glusterd, remove /var/lib/glusterd/glusterd.info, and start it again",
    ),
    (
        r"[Qq]uorum (is )?not met",
        "the pool lacks its quorum of connected members{where}; bring the others back first (gluster peer status)",
    ),
    (
        r"Another transaction (is|could be) in progress|Locking failed on|[Ff]ailed to acquire .*lock",
        "another gluster command holds the lock{where}; run this again once it has ended",
    ),
)


# Several hosts may refuse the same command, each for a reason of its own.
_REFUSING_HOST = re.compile(r"(?=(?:Staging|Commit|Locking|Pre Validation) failed on )")


def in_plain_words(said: str) -> str:
    """The refusal in one line: translated where it is known, otherwise gluster's own words."""
    refusals = [" ".join(part.split()) for part in _REFUSING_HOST.split(said)]
    return "; moreover, ".join(dict.fromkeys(_translated(refusal) for refusal in refusals if refusal))


def _translated(text: str) -> str:
    for pattern, words in _WORDS:
        match = re.search(pattern, text)
        if match:
            return words.format(where=_where(text), **match.groupdict())
    return f"gluster says: {text}"


def _where(text: str) -> str:
    host = re.search(r"(?:Staging|Commit|Locking|Pre Validation) failed on (?P<host>\S+?)\.(?:\s|$)", text)
    return f" on {host['host']}" if host else ""
