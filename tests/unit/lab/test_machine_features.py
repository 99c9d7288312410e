# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from lab.containers import CAPABILITIES, missing_capabilities
from lab.kinds import built_in


def test_a_machine_with_every_capability_lacks_none() -> None:
    assert missing_capabilities("Name:\tx\nCapBnd:\t000001ffffffffff\n", 26) == ()


def test_a_missing_capability_is_named_by_its_bit() -> None:
    assert missing_capabilities("CapBnd:\t000001fffeffffff\n", 20) == ("SYS_RESOURCE",)


def test_an_engine_is_told_of_no_capability_that_it_does_not_know() -> None:
    status = "CapBnd:\t0000003fffffffff\n"
    assert missing_capabilities(status, 20) == ()
    assert missing_capabilities(status, 26) == ("PERFMON", "BPF", "CHECKPOINT_RESTORE")


def test_the_kernels_capabilities_are_numbered_without_a_gap() -> None:
    assert (CAPABILITIES[21], CAPABILITIES[24], len(CAPABILITIES)) == ("SYS_ADMIN", "SYS_RESOURCE", 41)


def test_only_what_is_built_in_counts_as_built_in() -> None:
    config = "CONFIG_NFSD=y\nCONFIG_IP_VS=m\n# CONFIG_INET_ESP is not set\nCONFIG_NFS_FS_X=y\n"
    assert built_in(config, "NFSD")
    assert not built_in(config, "IP_VS")
    assert not built_in(config, "INET_ESP")
    assert not built_in(config, "NFS_FS")
