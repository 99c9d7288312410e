# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The language of ganesha.conf (ganesha-config(8), ganesha-export-config(8)), as far as exports go."""

from __future__ import annotations

import contextlib
import re
import zlib
from dataclasses import dataclass
from typing import Any, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import clients, dropin, options
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.spec import Client, Declaration, Export

HIGHEST_ID = 65535

_SQUASH = {"root": "Root_Squash", "all": "All_Squash", "none": "No_Root_Squash"}
_SQUASH_SYNONYMS = {
    **dict.fromkeys(("root", "root_squash", "rootsquash"), "root"),
    **dict.fromkeys(("all", "all_squash", "allsquash", "all_anonymous", "allanonymous"), "all"),
    **dict.fromkeys(("no_root_squash", "none", "noidsquash"), "none"),
}
_TOKEN = re.compile(r'\s+|#[^\n]*|%[^\n]*|(?P<string>"[^"\n]*")|(?P<mark>[{}=;])|(?P<word>[^\s{}=;"]+)')
# The comments that are lines, the beginning of each export, and the values in one that is not in the language.
_COMMENT = re.compile(r"^[ \t]*#.*$", re.MULTILINE)
_EXPORT = re.compile(r"^(?=[ \t]*export\b)", re.IGNORECASE | re.MULTILINE)
_VALUE = re.compile(r'(\w+)[ \t]*=[ \t]*"?([^"{};\n]*)')


class Unreadable(Exception):
    """The text is not in the language."""


@dataclass(frozen=True)
class Block:
    name: str
    values: Mapping[str, str]
    blocks: tuple[Block, ...]

    def value(self, name: str, default: str = "") -> str:
        return self.values.get(name, default)


@dataclass(frozen=True)
class FiledExport:
    """An export as a file has it: `meaning` of what concerns all clients, and of each client in order."""

    number: int
    path: str
    meaning: Mapping[str, Any]
    clients: tuple[tuple[str, Mapping[str, Any]], ...]


def drop_in(declared: Declaration, numbers: Mapping[str, int]) -> str:
    """The text of the drop-in file; empty when there is nothing to export."""
    if not declared.exports:
        return ""
    return dropin.header(declared.name) + "".join(
        "\n".join(_export_lines(export, numbers[export.path])) + "\n" for export in declared.exports
    )


def lines_of(text: str) -> dict[int, str]:
    """The path of the export to which each line of a drop-in belongs, by line number from 1."""
    owner: dict[int, str] = {}
    waiting: list[int] = []
    path = ""
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("EXPORT {"):
            waiting, path = [], ""
        found = re.match(r'\s*Path = "(.*)";', line)
        path = found.group(1) if found else path
        waiting.append(number)
        if path:
            owner.update(dict.fromkeys(waiting, path))
            waiting = []
    return owner


def exports(text: str) -> tuple[FiledExport, ...]:
    """The exports in a configuration file.

    Raises:
        Unreadable: where it is not in the language; nfs-ganesha would not take it either.
    """
    return tuple(_filed(block) for block in blocks(text) if block.name == "export")


def all_exports(text: str) -> tuple[FiledExport, ...]:
    """The exports in a file, be it in the language or not: nfs-ganesha takes nothing more from one that is not, and
    goes on serving what it took from it before. Of a block that cannot be read there is what can be told of it."""
    with contextlib.suppress(Unreadable):
        return exports(text)
    found: list[FiledExport] = []
    for part in _EXPORT.split(_COMMENT.sub("", text))[1:]:
        try:
            found += exports(part)
        except Unreadable:
            # What comes first is the export's own, and only its FSAL has a name.
            values: dict[str, str] = {}
            for key, value in _VALUE.findall(part):
                values.setdefault(key.lower(), value.strip())
            fsal = Block("fsal", {"name": values.get("name", "")}, ())
            found += [_filed(Block("export", values, (fsal,)))] if "path" in values else []
    return tuple(found)


def is_readable(text: str) -> bool:
    try:
        exports(text)
    except Unreadable:
        return False
    return True


def declared_meaning(export: Export) -> FiledExport:
    """What a declared export is to become, with 0 as its number, which is no part of its meaning."""
    return FiledExport(
        0,
        export.path,
        {"pseudo": export.path, "protocols": "3, 4", "access": "none", "fsal": "vfs"},
        tuple((client.host, _client_meaning(client)) for client in export.clients),
    )


def client_line(client: Client) -> str:
    """One client with its options, for the operator."""
    rights = _client_meaning(client)
    return f"{client.host}({','.join(f'{name}={value}' for name, value in rights.items())})"


def free_number(path: str, taken: set[int]) -> int:
    """A number for a new export. The same path gets the same one wherever it is free, so that handles stay good."""
    number = zlib.crc32(path.encode(errors="surrogateescape")) % HIGHEST_ID + 1
    while number in taken:
        number = number % HIGHEST_ID + 1
    return number


def blocks(text: str) -> tuple[Block, ...]:
    tokens = list(_tokens(text))
    found: list[Block] = []
    position = 0
    while position < len(tokens):
        block, position = _read_block(tokens, position)
        found.append(block)
    return tuple(found)


def _export_lines(export: Export, number: int) -> Iterator[str]:
    yield "EXPORT {"
    yield f"  Export_Id = {number};"
    yield f'  Path = "{export.path}";'
    yield f'  Pseudo = "{export.path}";'
    # Of these, those that the server itself speaks.
    yield "  Protocols = 3, 4;"
    yield "  Transports = TCP;"
    # Whoever matches none of the clients gets nothing.
    yield "  Access_Type = None;"
    for client in export.clients:
        rights = _client_meaning(client)
        yield "  CLIENT {"
        yield f"    Clients = {client.host};"
        yield f"    Access_Type = {rights['access'].upper()};"
        yield f"    Squash = {_SQUASH[rights['squash']]};"
        yield f"    SecType = {rights['sec'].replace(':', ', ')};"
        yield f"    PrivilegedPort = {str(rights['secure']).lower()};"
        yield f"    Anonymous_Uid = {rights['anonuid']};"
        yield f"    Anonymous_Gid = {rights['anongid']};"
        yield "  }"
    yield "  FSAL { Name = VFS; }"
    yield "}"


def _client_meaning(client: Client) -> dict[str, Any]:
    """In the terms of exports(5), whose defaults hold here too: nfs-ganesha's own anonymous user would be -2."""
    meant = {name: options.DEFAULTS[name] for name in ("secure", "anonuid", "anongid")}
    for option in client.options:
        name, equals, value = option.partition("=")
        if equals:
            meant[name] = int(value)
        else:
            meant["secure"] = options.SWITCHES[name][1]
    return {"access": client.access, "squash": client.squash, "sec": ":".join(client.sec), **meant}


def _filed(block: Block) -> FiledExport:
    fsal = next((one for one in block.blocks if one.name == "fsal"), Block("fsal", {}, ()))
    return FiledExport(
        number=int(block.value("export_id", "0")) if block.value("export_id", "0").isdigit() else 0,
        path=block.value("path"),
        meaning={
            "pseudo": block.value("pseudo"),
            "protocols": block.value("protocols").lower(),
            "access": block.value("access_type", "None").lower(),
            "fsal": fsal.value("name").lower(),
        },
        clients=tuple(
            (clients.canonical(host.strip()), _filed_client_meaning(one))
            for one in block.blocks
            if one.name == "client"
            for host in one.value("clients").split(",")
        ),
    )


def _filed_client_meaning(block: Block) -> dict[str, Any]:
    squash = block.value("squash", "root_squash").lower()
    port = block.value("privilegedport", "false").lower()
    return {
        "access": block.value("access_type", "none").lower(),
        "squash": _SQUASH_SYNONYMS.get(squash, squash),
        "sec": ":".join(flavor.strip().lower() for flavor in block.value("sectype", "none, sys").split(",")),
        "secure": port in ("true", "yes"),
        "anonuid": _user(block.value("anonymous_uid", "-2")),
        "anongid": _user(block.value("anonymous_gid", "-2")),
    }


def _user(number: str) -> Any:
    return int(number) % 2**32 if re.fullmatch("-?[0-9]{1,10}", number) else number


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise Unreadable(f"cannot read {text[position : position + 20]!r}")
        position = found.end()
        if found.lastgroup is not None:
            yield found.lastgroup, found.group()


def _read_block(tokens: list[tuple[str, str]], position: int) -> tuple[Block, int]:
    name = _expect(tokens, position, "word").lower()
    if _peek(tokens, position + 1) != "{":
        raise Unreadable(f"{name!r} is no block")
    position += 2
    values: dict[str, str] = {}
    inner: list[Block] = []
    while _peek(tokens, position) != "}":
        if _peek(tokens, position + 1) == "=":
            key = _expect(tokens, position, "word").lower()
            values[key], position = _read_value(tokens, position + 2)
        else:
            block, position = _read_block(tokens, position)
            inner.append(block)
    return Block(name, values, tuple(inner)), position + 1


def _read_value(tokens: list[tuple[str, str]], position: int) -> tuple[str, int]:
    parts: list[str] = []
    while _peek(tokens, position) != ";":
        kind, text = tokens[position]
        if kind == "mark":
            raise Unreadable("a value does not end with a semicolon")
        parts.append(text[1:-1] if kind == "string" else text)
        position += 1
    return " ".join(parts), position + 1


def _peek(tokens: list[tuple[str, str]], position: int) -> str:
    if position >= len(tokens):
        raise Unreadable("a block does not end")
    return tokens[position][1]


def _expect(tokens: list[tuple[str, str]], position: int, kind: str) -> str:
    if position >= len(tokens) or tokens[position][0] != kind:
        raise Unreadable("a name is missing")
    return tokens[position][1]
