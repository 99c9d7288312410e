# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may mount a volume, kept the same on all hosts while its bricks change.

`replace-brick`, and adding copies, add to `auth.allow`, on each host, the names by which that host knows the others
(seen with 10.3). The hosts' accounts of the volume differ from then on, and the next glusterd to start is rejected by
the others. So the option is set again, to what it was, right after; and if the run is killed in between, by the next.
"""

from __future__ import annotations

import contextlib
from typing import Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import Gluster, GlusterError, Volume

OPTION = "auth.allow"

# What stands in a volume's options while OPTION may differ from host to host: the list that it had before; otherwise
# DONE. Gluster keeps options of this kind on every host and gives them no meaning. They can be set, and not be reset
# one by one.
MARK = "user.berthage-auth-allow"
DONE = "done"


@contextlib.contextmanager
def same_on_all_hosts(gluster: Gluster, volume: Volume) -> Iterator[None]:
    """What changes the volume's bricks goes in here."""
    allowed = volume.options.get(OPTION)
    if allowed is None:
        yield
        return
    gluster.change("volume", "set", volume.name, MARK, allowed)
    again = ("volume", "set", volume.name, OPTION, allowed, MARK, DONE)
    try:
        yield
    except GlusterError:
        # It may have been carried out on some of the hosts. Where this fails, too, the mark stays for the next run, and
        # what went wrong first is what is told: whether it may still happen, for instance.
        with contextlib.suppress(GlusterError):
            gluster.change(*again)
        raise
    gluster.change(*again)


def to_settle(options: Mapping[str, str], declared: str | None) -> dict[str, str]:
    """What is to be set on a volume of which a run was killed that changed its bricks; on any other, nothing."""
    before = options.get(MARK, DONE)
    if before == DONE:
        return {}
    return {OPTION: declared or before, MARK: DONE}
