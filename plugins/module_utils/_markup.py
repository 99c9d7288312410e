# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML and SVG in which a text can only be a text: whatever is no `Markup` is escaped."""

from __future__ import annotations

import html
import re
from typing import Any

_VOID = frozenset({"br", "col", "input", "meta"})
# Controls that HTML does not allow, and those that turn the direction of the text after them.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


class Markup(str):
    """Text that is HTML already."""


def element(tag: str, *content: Any, **attributes: Any) -> Markup:
    """An element. Of attribute names `_` is written as `-`, and one at the end is left out: `class_`, `data_find`.
    An attribute that is `None` or false is left out, and one that is true has no value."""
    written = "".join(
        f" {name.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escaped(value)}"')
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    if tag in _VOID:
        return Markup(f"<{tag}{written}>")
    return Markup(f"<{tag}{written}>{joined(*content)}</{tag}>")


def joined(*content: Any) -> Markup:
    """Parts one after the other; a list is its parts, and `None` is nothing."""
    return Markup("".join(_written(part) for part in content))


def escaped(value: Any) -> str:
    return html.escape(_UNPRINTABLE.sub("\ufffd", str(value)), quote=True)


def _written(part: Any) -> str:
    if part is None:
        return ""
    if isinstance(part, Markup):
        return part
    if isinstance(part, (list, tuple)):
        return joined(*part)
    return escaped(part)
