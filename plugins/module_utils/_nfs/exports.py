# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The language of exports(5): drop-ins are written in it, and exportfs prints its active table in it.

What an entry means is computed as exportfs does it (nfs-utils, support/nfs/exports.c), so that two spellings of one
export compare equal: order of options, defaults spelled out or not, netmask or prefix length, octal escapes or quotes.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import Any, Iterable, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import clients, dropin
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.options import DEFAULTS, SWITCHES, TRANSPORTS, VALUES
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.spec import (
    Client,
    Declaration,
    Export,
    canonical_fsid,
    canonical_path,
)

# The options that may differ between the security flavors of one entry.
_BY_FLAVOR = ("access", "root_squash", "all_squash", "secure")
_BLANKS = " \t\r\v\f"
_FLAVOR_NAMES = {"unix": "sys", "null": "none"}


class Unreadable(Exception):
    """The text is no exports(5). exportfs would stop reading at this place."""


@dataclass(frozen=True)
class Entry:
    """One path and one client of it, as a table has them: `host` as it is written there, and what the options mean."""

    path: str
    host: str
    meaning: Mapping[str, Any]
    line: str

    @property
    def client(self) -> str:
        return clients.canonical(self.host)

    @property
    def options(self) -> str:
        """As they are written there."""
        return self.line.partition("(")[2][:-1]


def drop_in(declared: Declaration) -> str:
    """The text of the drop-in file; empty when there is nothing to export."""
    if not declared.exports:
        return ""
    return dropin.header(declared.name) + "".join(f"{line(export)}\n" for export in declared.exports)


def line(export: Export) -> str:
    return " ".join(
        [_escaped(export.path), *(f"{client.host}({_options(export, client)})" for client in export.clients)]
    )


def declared_entries(export: Export) -> tuple[Entry, ...]:
    """The entries that a declared export is to become."""
    return tuple(
        Entry(export.path, client.host, meaning(_options(export, client)), f"{client.host}({_options(export, client)})")
        for client in export.clients
    )


def entries(text: str) -> tuple[Entry, ...]:
    """The entries of a drop-in, of /etc/exports, or of what `exportfs -s` prints.

    Raises:
        Unreadable: where the text is not in the language.
    """
    return tuple(_entries(text))


def taken(text: str) -> tuple[Entry, ...]:
    """Those that exportfs takes: it stops at what it cannot read, and keeps what comes before that."""
    return tuple(_until_unreadable(_entries(text)))


def by_path(text: str) -> dict[str, list[Entry]]:
    """The entries of a file by path, each line read alone: what comes after one that exportfs cannot read may be in
    force from before it was written. So may a path whose own clients cannot be read, which has none here."""
    found: dict[str, list[Entry]] = {}
    for one_line in _lines(text):
        words, _wrong = _words(one_line)
        if words:
            found.setdefault(canonical_path(words[0]), []).extend(_until_unreadable(_entries_of(one_line)))
    return found


def why_unreadable(text: str) -> str:
    """What exportfs stops at, or nothing."""
    try:
        entries(text)
    except Unreadable as error:
        return str(error)
    return ""


def meaning(options: str) -> dict[str, Any]:
    """What a comma-separated list of options means, with every default filled in.

    Where security flavors have different rights, these are told flavor by flavor in `sec`.
    """
    fields = dict(DEFAULTS)
    flavors: dict[str, dict[str, Any]] = {}
    _read_options(options, fields, flavors)
    return _canonical(fields, flavors)


def _options(export: Export, client: Client) -> str:
    """The options of one client, those that matter most spelled out although they are the default."""
    squash = {"root": "root_squash", "all": "all_squash", "none": "no_root_squash"}[client.squash]
    return ",".join(
        [
            client.access,
            "sync" if client.sync else "async",
            "subtree_check" if client.subtree_check else "no_subtree_check",
            squash,
            f"sec={':'.join(client.sec)}",
            *([f"xprtsec={':'.join(client.xprtsec)}"] if client.xprtsec else []),
            *([f"fsid={export.fsid}"] if export.fsid is not None else []),
            *client.options,
        ]
    )


def _entries(text: str) -> Iterator[Entry]:
    for one_line in _lines(text):
        yield from _entries_of(one_line)


def _entries_of(one_line: str) -> Iterator[Entry]:
    words, wrong = _words(one_line)
    defaults = "".join(word[1:] for word in words[1:2] if word.startswith("-"))
    hosts = words[2:] if defaults else words[1:]
    for word in hosts or [""] * bool(words and not wrong):
        host, options = _client(word)
        both = ",".join(part for part in (defaults, options) if part)
        yield Entry(canonical_path(words[0]), host or clients.WORLD, meaning(both), f"{host or clients.WORLD}({both})")
    if wrong:
        raise Unreadable(wrong)


def _until_unreadable(read: Iterable[Entry]) -> Iterator[Entry]:
    with contextlib.suppress(Unreadable):
        yield from read


def _client(word: str) -> tuple[str, str]:
    host, parenthesis, rest = word.partition("(")
    if not parenthesis:
        return host, ""
    if not rest.endswith(")") or ")" in rest[:-1]:
        raise Unreadable(f"bad option list in {word!r}")
    return host, rest[:-1]


def _lines(text: str) -> Iterator[str]:
    """The lines without comments. One ends at the line's end, even one that begins within quotes."""
    without_continuations = re.sub(r"\\\n[ \t]*", " ", text)
    return (one.partition("#")[0] for one in without_continuations.split("\n"))


def _words(one_line: str) -> tuple[list[str], str]:
    """The words of a line, and what is wrong with what comes after them."""
    words: list[str] = []
    word: str | None = None
    quoted = False
    for character in one_line:
        if character == '"':
            quoted = not quoted
            word = word or ""
        elif character in _BLANKS and not quoted:
            if word is not None:
                words.append(word)
            word = None
        else:
            word = (word or "") + character
    if word is not None and not quoted:
        words.append(word)
    return [_unescaped(word) for word in words], f"a quote is not closed in {one_line!r}" if quoted else ""


def _read_options(options: str, fields: dict[str, Any], flavors: dict[str, dict[str, Any]]) -> None:
    active: list[str] = []
    for option in options.split(","):
        name, equals, value = option.strip().partition("=")
        if not name:
            continue
        if name == "sec" and equals:
            active = [_FLAVOR_NAMES.get(flavor, flavor) for flavor in value.split(":")]
            for flavor in active:
                # A flavor starts with what was said before it; what follows is said of it.
                flavors.setdefault(flavor, {field: fields[field] for field in _BY_FLAVOR})
        elif name == "fsid" and equals:
            fields.update(_identity(value))
        else:
            field, setting = _setting(name, equals, value)
            fields[field] = setting
            if field in _BY_FLAVOR:
                for flavor in active:
                    flavors[flavor][field] = setting


def _setting(name: str, equals: str, value: str) -> tuple[str, Any]:
    if not equals and name in SWITCHES:
        return SWITCHES[name]
    if name in ("anonuid", "anongid") and re.fullmatch("-?[0-9]{1,10}", value):
        # exportfs prints the number as a signed one.
        return name, int(value) % 2**32
    if name == "xprtsec" and equals:
        # Without the option every way to connect is open; the order in which they are named says nothing.
        ways = set(value.split(":"))
        return name, None if ways == set(TRANSPORTS) else ":".join(sorted(ways))
    if equals and name in VALUES:
        return VALUES[name], value
    return f"option {name}", value if equals else True


def _identity(fsid: str) -> dict[str, Any]:
    if re.fullmatch("-[0-9]{1,10}", fsid):
        return {"fsid": str(int(fsid) % 2**32)}
    canonical = canonical_fsid(fsid)
    return {"uuid" if canonical is not None and len(canonical) == 32 else "fsid": canonical}


def _canonical(fields: dict[str, Any], flavors: dict[str, dict[str, Any]]) -> dict[str, Any]:
    rights = list(flavors.values()) or [fields]
    alike = all(one == rights[0] for one in rights) if flavors else True
    common = {name: value for name, value in fields.items() if name not in _BY_FLAVOR}
    if alike:
        return {**common, **_rights(rights[0]), "sec": ":".join(flavors or ["sys"])}
    by_flavor = (f"{flavor}({','.join(map(str, _rights(rights).values()))})" for flavor, rights in flavors.items())
    return {**common, "sec": ":".join(by_flavor)}


def _rights(fields: Mapping[str, Any]) -> dict[str, Any]:
    squash = "all" if fields["all_squash"] else "root" if fields["root_squash"] else "none"
    return {"access": fields["access"], "squash": squash, "secure": fields["secure"]}


def _escaped(path: str) -> str:
    r"""As exportfs itself writes a path into its table: \040 for a space. Quotes would not protect a `#`."""
    return re.sub(r'[\x00-\x20"\\#\x7f\s]', lambda found: _octal(found.group()), path)


def _octal(character: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in character.encode(errors="surrogateescape"))


def _unescaped(word: str) -> str:
    if "\\" not in word:
        return word
    plain = re.sub(
        rb"\\([0-3][0-7]{2})",
        lambda found: bytes([int(found.group(1), 8)]),
        word.encode(errors="surrogateescape"),
    )
    return plain.decode(errors="surrogateescape")
