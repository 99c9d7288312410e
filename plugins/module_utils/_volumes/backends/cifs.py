# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shares of a Windows or Samba server."""

from __future__ import annotations

import re
from typing import Any, Iterable, Iterator, Mapping

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.mount_options import (
    MountOptions,
    misplaced,
    split_options,
    switch,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends.shared import (
    POINTS,
    Endpoint,
    Meaning,
    address,
    bare_host,
    canonical_host,
    is_host,
    kernel_number,
    secret_names,
)

CIFS_PORT = 445

_ON_THE_HOST = "mount the share on the host, and use `bind`"


class Cifs:
    """`type=cifs`, mounted by the kernel's client, without mount.cifs.

    The option names, aliases and defaults are those of Linux' fs/smb/client/fs_context.c. The engine looks up a host
    name in `addr=` (all releases) and, where there is no `addr=`, in the device (from release 23 on).
    """

    key = "cifs"
    arguments: Mapping[str, Any] = {
        "server": {"type": "str", "required": True},
        "share": {"type": "str", "required": True},
        "path": {"type": "str", "default": ""},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "domain": {"type": "str"},
        "version": {
            "type": "str",
            "default": "3.1.1",
            "choices": ["1.0", "2.0", "2.1", "3", "3.0", "3.0.2", "3.1.1", "default"],
        },
        "options": {"type": "list", "elements": "str", "default": []},
    }

    _ALIASES: Mapping[str, str] = {
        "user": "username",
        "pass": "password",
        "dom": "domain",
        "ip": "addr",
        "vers": "version",
        "dirmode": "dir_mode",
        "esize": "min_enc_offload",
        "linux": "unix",
        "posix": "unix",
        "ignorecase": "nocase",
        "forcemand": "forcemandatorylock",
        "idsfromsid": "setuidfromacl",
        "modefromsid": "modesid",
        "signloosely": "ignore_signature",
    }
    _VERSIONS: Mapping[str, str] = {"3.02": "3.0.2", "3.11": "3.1.1"}
    _SWITCHES = frozenset(
        [
            "user_xattr",
            "forceuid",
            "forcegid",
            "perm",
            "sfu",
            "posixpaths",
            "unix",
            "brl",
            "handlecache",
            "setuids",
            "dynperm",
            "intr",
            "strictsync",
            "serverino",
            "acl",
            "persistenthandles",
            "resilienthandles",
            "tcpnodelay",
        ]
    )
    _DEFAULTS: Mapping[str, Any] = {
        # Of one that logs in without a name it is the empty text.
        "username": None,
        "password": "",
        "domain": "",
        "version": "default",
        "port": CIFS_PORT,
        "sec": "ntlmssp",
        "sign": False,
        "recovery": "soft",
        "cache": "strict",
        "characters": "mapposix",
        "uid": 0,
        "gid": 0,
        "file_mode": 0o755,
        "dir_mode": 0o755,
        "acregmax": 1,
        "acdirmax": 1,
        "bsize": 1048576,
        "echo_interval": 60,
        "max_channels": 1,
        "min_enc_offload": 0,
        "handletimeout": 0,
        "rasize": 0,
        "snapshot": 0,
        "user_xattr": True,
        "multichannel": False,
        "perm": True,
        "sfu": False,
        "posixpaths": True,
        "brl": True,
        "handlecache": True,
        "dynperm": False,
        "strictsync": True,
        "serverino": True,
        "acl": True,
        "resilienthandles": False,
    }
    # Ways to log in that sign, and the same ways without.
    _SIGNING: Mapping[str, str] = {"krb5i": "krb5", "ntlmsspi": "ntlmssp", "ntlmv2i": "ntlmv2"}
    _TEXTS = ("username", "password", "password2", "domain", "cache", "netbiosname", "servern", "srcaddr")
    # Read and dropped by the kernel.
    _WITHOUT_MEANING = frozenset(
        {"guest", "_netdev", "auto", "noauto", "cred", "credentials", "unc", "prefixpath", "ver", "noac", "source"}
    )
    # What `problems` says of an option that has a field of its own.
    _FIELDS: Mapping[str, str] = {
        "addr": "cifs.server",
        "source": "cifs.server, cifs.share and cifs.path",
        "unc": "cifs.server and cifs.share",
        "prefixpath": "cifs.path",
        "username": "cifs.username",
        "password": "cifs.password",
        "domain": "cifs.domain",
        "version": "cifs.version",
    }
    _NUMBERS = ("uid", "gid", "cruid", "backupuid", "backupgid")
    _MODES = ("file_mode", "dir_mode")

    @classmethod
    def problems(cls, name: str, given: Mapping[str, Any]) -> Iterator[Problem]:
        options = split_options(given["options"])
        if not is_host(given["server"]):
            yield Problem(
                name,
                "cifs.server",
                f"{given['server']!r} is neither an address nor a host name",
                "give the server alone, such as 10.0.0.5 or files.example.net; the share goes into cifs.share, a port "
                "into cifs.options (port=1445)",
            )
        for field, message, remedy in (*_problems_of_place(given), *_problems_of_login(given, options)):
            yield Problem(name, field, message, remedy)
        for option in (option.partition("=")[0] for option in options):
            if cls._ALIASES.get(option, option) in cls._FIELDS:
                yield Problem(
                    name,
                    "cifs.options",
                    f"{option!r} is set by a field of its own",
                    f"leave it out, and use {cls._FIELDS[cls._ALIASES.get(option, option)]}",
                )
        for message, remedy in cls._misunderstood(options):
            yield Problem(name, "cifs.options", message, remedy)

    @staticmethod
    def driver_opts(given: Mapping[str, Any]) -> dict[str, str]:
        host = bare_host(given["server"])
        path = "/".join(part for part in given["path"].split("/") if part)
        login = [f"username={given['username']}"] if given["username"] else ["sec=none"]
        if given["password"] is not None:
            login.append(f"password={given['password'].replace(',', ',,')}")
        options = [
            f"addr={host}",
            *login,
            *([f"domain={given['domain']}"] if given["domain"] else []),
            f"vers={given['version']}",
            *split_options(given["options"]),
        ]
        device = f"//{'[' + host + ']' if ':' in host else host}/{given['share']}{'/' + path if path else ''}"
        return {"type": "cifs", "device": device, "o": ",".join(options)}

    @staticmethod
    def mounts(kind: str, _options: MountOptions) -> bool:
        return kind in ("cifs", "smb3")

    @classmethod
    def unmountable(cls, kind: str, device: str, text: str) -> Iterator[tuple[str, str, str]]:
        """What the engine accepts and can never mount: the option it is in, what is wrong, and what to do."""
        options = MountOptions(text, doubled_commas=True).own
        words = [name if value is None else f"{name}={value}" for name, value in options]
        for message, remedy in cls._misunderstood(words):
            yield "o", message, remedy
        given = {cls._ALIASES.get(name, name): value for name, value in options}
        if "username" not in given and given.get("sec") != "none":
            yield (
                "o",
                "username= is missing (without it the kernel refuses; `guest` is read by mount.cifs, which never runs)",
                "add username=, or sec=none for a share without login, or use `cifs`",
            )
        host = device.replace("\\", "/").lstrip("/").partition("/")[0]
        server = given.get("addr") or host
        if not is_host(server):
            yield "device", f"{server!r} is neither an address nor a host name", "mend it, or use `cifs`"
        elif address(server) is None and kind == "smb3":
            yield "o", f"the engine looks up the host name {server!r} for type cifs only", "use type cifs, or `cifs`"
        elif address(server) is None and not given.get("addr"):
            yield (
                "o",
                f"addr= is missing (engines before release 23 look up no host name in the device, here {host!r})",
                f"add addr={host}, or use `cifs`",
            )

    @classmethod
    def meaning(cls, kind: str, device: str, options: MountOptions) -> Meaning:
        host, share, path = _parts(device)
        fields: dict[str, Any] = dict(cls._DEFAULTS)
        server = ""
        for option, value in MountOptions(options.data, doubled_commas=True).own:
            name = cls._ALIASES.get(option, option)
            if name == "addr":
                server = canonical_host(value or "")
            elif name in cls._WITHOUT_MEANING:
                continue
            elif value is None:
                cls._apply_flag(fields, name)
            else:
                cls._apply_value(fields, name, value)
        server = server or host
        _settle(fields)
        fields.update(server=server, share=share, path=path)
        if host != server:
            # The server is told the name of the device; one of several names may show other shares.
            fields["host_name"] = host
        if kind == "smb3":
            fields["type"] = kind
        port = fields["port"]
        asked = server and isinstance(port, int) and not fields.get("rdma")
        return Meaning(
            "cifs",
            {**fields, **options.flags()},
            POINTS,
            (Endpoint(server, port),) if asked else (),
            secret_names(fields),
        )

    @classmethod
    def _apply_flag(cls, fields: dict[str, Any], name: str) -> None:
        """What an option without a value does to what was set before it, as smb3_fs_context_parse_param does it."""
        if name in ("hard", "nosoft", "soft", "nohard"):
            fields["recovery"] = "hard" if name in ("hard", "nosoft") else "soft"
        elif name in ("mapposix", "mapchars"):
            fields["characters"] = name
        elif name in ("nomapposix", "nomapchars"):
            if fields["characters"] == name[2:]:
                fields["characters"] = "as they are"
        elif name == "ignore_signature":
            fields.update(sign=True, ignore_signature=True)
        elif name == "multichannel":
            fields.update(multichannel=True, max_channels=max(2, fields["max_channels"]))
        elif name == "nomultichannel":
            fields.update(multichannel=False, max_channels=1)
        else:
            positive, on = switch(name, cls._SWITCHES) or (name, True)
            fields[cls._ALIASES.get(positive, positive)] = on

    @classmethod
    def _apply_value(cls, fields: dict[str, Any], name: str, value: str) -> None:
        if name == "username" and not value:
            fields["anonymous"] = True
        elif name == "sec":
            # Whether to sign begins anew with each.
            fields["sign"] = value in cls._SIGNING
            if value == "none":
                fields["anonymous"] = True
            else:
                fields["sec"] = cls._SIGNING.get(value, "ntlmv2" if value == "nontlm" else value)
        elif name == "version":
            fields[name] = cls._VERSIONS.get(value, value)
        elif name == "iocharset":
            if not value.lower().startswith("default"):
                fields[name] = value
        elif name in cls._TEXTS:
            fields[name] = value
        else:
            cls._apply_number(fields, name, kernel_number(value))

    @classmethod
    def _apply_number(cls, fields: dict[str, Any], name: str, number: Any) -> None:
        if name == "actimeo":
            if fields["acregmax"] == fields["acdirmax"] == cls._DEFAULTS["acregmax"]:
                fields.update(acregmax=number, acdirmax=number)
            return
        fields[name] = number
        if name in ("uid", "gid"):
            fields[f"{name} given"] = True
        elif name == "max_channels":
            fields["multichannel"] = fields["multichannel"] or number != 1

    @classmethod
    def _misunderstood(cls, options: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Options that the kernel does not understand, or not as mount.cifs does, which never runs."""
        options = [
            option
            for option in options
            if option.partition("=")[0] not in cls._WITHOUT_MEANING - {"cred", "credentials"}
        ]
        yield from misplaced(options)
        for option in options:
            name, equals, value = option.partition("=")
            name = cls._ALIASES.get(name, name)
            if name in ("cred", "credentials"):
                yield (
                    "`credentials` is a file that mount.cifs reads and the kernel does not (mount.cifs never runs)",
                    f"give cifs.username and cifs.password, or {_ON_THE_HOST}",
                )
            elif name == "workgroup":
                yield "the kernel knows no option `workgroup` (mount.cifs does)", "use domain"
            elif name in cls._NUMBERS and not (equals and isinstance(kernel_number(value), int)):
                yield (
                    f"{option!r} is no number (mount.cifs looks up names, the kernel does not)",
                    f"give the number, such as {name}=1000",
                )
            elif name in cls._MODES and (not re.match(r"^0[0-7]+$", value)):
                yield (
                    f"{option!r} is no octal number to the kernel, which needs a 0 in front",
                    f"write {name}=0755, for instance",
                )
            elif name == "sec" and value == "krb5p":
                yield "the kernel knows no sec=krb5p", "use sec=krb5 and seal"


def _problems_of_place(given: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    share, path = given["share"], given["path"]
    if not share or re.search(r"[/\\]", share):
        yield (
            "cifs.share",
            f"{share!r} is no name of a share",
            "give the name alone, such as office; a directory in the share goes into cifs.path",
        )
    if "\\" in path:
        yield "cifs.path", f"{path!r} has backslashes", "use / between directories"
    if ".." in path.split("/"):
        yield "cifs.path", "`..` leads out of the share", "give the directory from the share's root"
    for field, text in (("cifs.share", share), ("cifs.path", path)):
        if re.search(r"%(?![0-9a-fA-F]{2})", text):
            yield (
                field,
                "the engine reads the place as a URL, where % begins the code of a character, and refuses this one",
                f"rename it, or {_ON_THE_HOST}",
            )


def _problems_of_login(given: Mapping[str, Any], options: list[str]) -> Iterator[tuple[str, str, str]]:
    username, password, domain = given["username"], given["password"], given["domain"]
    kerberos = any(option.startswith("sec=krb5") for option in options)
    if username is None:
        for field in ("password", "domain"):
            if given[field]:
                yield (
                    f"cifs.{field}",
                    "it says nothing without cifs.username",
                    "give cifs.username; without all three the share is mounted without login (sec=none)",
                )
    elif not username:
        yield (
            "cifs.username",
            "it is empty",
            "name who logs in, or leave it and the password out: the share is then mounted without login (sec=none)",
        )
    elif password is None and not kerberos:
        yield (
            "cifs.password",
            "it is missing (nobody is there to be asked for it)",
            'give it, also when it is empty (password: ""); or leave cifs.username out to mount without login',
        )
    if username is not None and "sec=none" in options:
        yield "cifs.options", "'sec=none' makes the kernel forget the user", "leave out the one or the other"
    if re.search(r"[\\/]", username or ""):
        yield (
            "cifs.username",
            "it has a domain in it (mount.cifs would part them, the kernel does not)",
            "give the domain as cifs.domain",
        )
    for field, text in (("username", username), ("domain", domain)):
        if "," in (text or ""):
            yield f"cifs.{field}", "it has a comma in it, which begins another option", _ON_THE_HOST
    if "," in (password or "") and any(MountOptions.is_flag(part) for part in (password or "").split(",")):
        yield (
            "cifs.password",
            "the engine takes a word between its commas for a flag of the mount",
            f"change the password, or {_ON_THE_HOST}",
        )


def _parts(device: str) -> tuple[str, str, str]:
    """Server, share (which is the same in small letters) and path of `//server/share/path`."""
    host, _slash, place = device.replace("\\", "/").lstrip("/").partition("/")
    share, *path = [part for part in place.split("/") if part] or [""]
    return canonical_host(host), share.lower(), "/".join(path)


def _settle(fields: dict[str, Any]) -> None:
    """What follows from all options together, in whatever order: smb3_fs_context_validate."""
    for identity in ("uid", "gid"):
        given = fields.pop(f"{identity} given", False)
        fields[f"force{identity}"] = bool(given and fields.get(f"force{identity}", True))
    if fields.pop("anonymous", False):
        # The kernel forgets them.
        fields.update(username="", password="")
    if fields.get("multiuser"):
        fields["perm"] = False
    if fields["port"] == 0:
        fields["port"] = CIFS_PORT
