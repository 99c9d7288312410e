# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from lab import wide_registers


@pytest.mark.parametrize(
    ("flags", "needed"),
    [
        ("fpu sse2 avx512f pku amx_bf16 amx_tile amx_int8", True),
        ("fpu sse2 avx512f pku", False),
        ("fpu not_amx_tile", False),
    ],
)
def test_only_amx_is_more_than_the_hosts_kernel_keeps(flags, needed):
    assert wide_registers.needed(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: amx_tile\n") is needed


def test_a_processor_of_another_kind_has_no_flags():
    assert not wide_registers.needed("processor\t: 0\nFeatures\t: fp asimd\n")
