# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume's options by their meaning: spellings of a value, short names, and the profiles of this collection."""

from __future__ import annotations

import re
from typing import Any, Iterable, Mapping

# network.ping-timeout: when a brick's host vanishes, every client pauses for once to twice so long: a ping is sent so
# often, and awaited as long (rpc-clnt-ping.c). 42 s stock; a container's health check gives up long before. Not lower:
# a host under load that misses a few pings would be dropped, and then healed.
#
# server.tcp-user-timeout, server.keepalive-*: how long a brick keeps the locks of a client whose host vanished (stock:
# 42 s, keepalive after 20 s). Until then, everybody who wants the same file waits. The figures are those of gluster's
# own group `virt`.
#
# performance.strict-o-direct: databases that open with O_DIRECT mean it; stock settings let write-behind and io-cache
# keep their data in memory all the same.
#
# features.cache-invalidation and what follows it: many small files. What a client knows of names, attributes and small
# contents is kept for ten minutes instead of a second, because the bricks now tell each client what another one has
# changed. The long times must never be without the invalidation: stock clients show an overwritten small file as it was
# for up to a second, and so would these for ten minutes. How fast that is: docs/glusterfs-profile.md.
_CONTAINERS = {
    "network.ping-timeout": "5",
    "server.tcp-user-timeout": "20",
    "server.keepalive-time": "10",
    "server.keepalive-interval": "2",
    "server.keepalive-count": "5",
    "performance.strict-o-direct": "on",
    "features.cache-invalidation": "on",
    "features.cache-invalidation-timeout": "600",
    "performance.cache-invalidation": "on",
    "performance.md-cache-timeout": "600",
    "performance.nl-cache": "on",
    "performance.nl-cache-timeout": "600",
    "performance.quick-read-cache-invalidation": "on",
    "performance.quick-read-cache-timeout": "600",
    "network.inode-lru-limit": "200000",
}
# cluster.quorum-type: with three copies or more, writing needs the majority of them: what is stock, said aloud, so that
# a `none` that somebody once set does not stay. With two copies it would make the first one indispensable: not there.
#
# cluster.heal-timeout: how long a copy that could not be healed (its disk was full) waits for the next attempt at most.
# 600 s stock, in which the other two copies are all there is. A look where there is nothing to heal costs little.
_CONTAINERS_REPLICATED = {"cluster.quorum-type": "auto", "cluster.heal-timeout": "60"}

PROFILES = ("containers",)

# Options that glusterd itself sets on a new volume (glusterd-utils.c, glusterd_enable_default_options).
SET_AT_CREATION = frozenset(
    {
        "cluster.granular-entry-heal",
        "nfs.disable",
        "performance.client-io-threads",
        "storage.fips-mode-rchecksum",
        "transport.address-family",
    }
)
# Options of the pool (glusterd-op-sm.c, valid_all_vol_opts, of 10.3 and 11.1). `volume info` lists those that are set
# among each volume's own, and `volume set` and `volume reset` refuse them for a single volume.
POOL_WIDE = frozenset(
    {
        "cluster.brick-graceful-cleanup",
        "cluster.brick-multiplex",
        "cluster.daemon-log-level",
        "cluster.enable-shared-storage",
        "cluster.localtime-logging",
        "cluster.max-bricks-per-process",
        "cluster.max-op-version",
        "cluster.op-version",
        "cluster.server-quorum-ratio",
        "glusterd.vol_count_per_thread",
    }
)
# Options that are the record of a feature, and are changed by that feature's own commands or arguments; and those that
# say who may use the volume. Without them, everybody may. Of `features.` nothing is reset at all: without
# `features.shard` the files are unreadable, and without `features.cache-invalidation`, which the profile sets as well,
# clients that were told by hand to keep things for long are no longer told what others change.
_OF_FEATURES = (
    "auth.allow",
    "auth.reject",
    "changelog.",
    "features.",
    "geo-replication.",
    "client.ssl",
    "server.ssl",
    "auth.ssl-allow",
    "ssl.",
    "snap-",
    "auto-delete",
    "user.",
    "old.",
)

# The part of an option's name behind its first dot that several options share (glusterd-volume-set.c of 10.3).
AMBIGUOUS = {
    "acl": ("features.acl", "nfs.acl"),
    "cache-invalidation": ("features.cache-invalidation", "performance.cache-invalidation"),
    "eager-lock": ("cluster.eager-lock", "disperse.eager-lock"),
    "enable": ("delay-gen.enable", "ganesha.enable"),
    "ensure-durability": ("cluster.ensure-durability", "rebalance.ensure-durability"),
    "event-threads": ("client.event-threads", "nfs.event-threads", "server.event-threads"),
    "force-readdirp": ("dht.force-readdirp", "performance.force-readdirp"),
    "keepalive-count": ("client.keepalive-count", "server.keepalive-count"),
    "keepalive-interval": ("client.keepalive-interval", "server.keepalive-interval"),
    "keepalive-time": ("client.keepalive-time", "server.keepalive-time"),
    "optimistic-change-log": ("cluster.optimistic-change-log", "disperse.optimistic-change-log"),
    "outstanding-rpc-limit": ("nfs.outstanding-rpc-limit", "server.outstanding-rpc-limit"),
    "own-thread": ("client.own-thread", "server.own-thread"),
    "quorum-count": ("cluster.quorum-count", "disperse.quorum-count"),
    "self-heal-window-size": ("cluster.self-heal-window-size", "disperse.self-heal-window-size"),
    "shd-max-threads": ("cluster.shd-max-threads", "disperse.shd-max-threads"),
    "shd-wait-qlength": ("cluster.shd-wait-qlength", "disperse.shd-wait-qlength"),
    "ssl": ("client.ssl", "server.ssl"),
    "tcp-user-timeout": ("client.tcp-user-timeout", "server.tcp-user-timeout"),
    "trace": ("debug.trace", "locks.trace"),
}

_TRUE = frozenset({"1", "on", "yes", "true", "enable"})
_FALSE = frozenset({"0", "off", "no", "false", "disable"})
_LISTS = frozenset({"auth.allow", "auth.reject", "auth.ssl-allow", "nfs.rpc-auth-allow", "nfs.rpc-auth-reject"})
_BYTES = {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "tb": 1 << 40, "pb": 1 << 50}
_SECONDS = {
    **dict.fromkeys(("s", "sec"), 1),
    **dict.fromkeys(("m", "min"), 60),
    **dict.fromkeys(("h", "hr"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "wk"), 604800),
}


def profile_options(profile: str | None, replica: int) -> dict[str, str]:
    """The options of a profile, for a volume with so many copies of each file."""
    if profile != "containers":
        return {}
    return {**_CONTAINERS, **(_CONTAINERS_REPLICATED if replica > 2 else {})}


def as_text(value: Any) -> str | None:
    """An option's value as gluster is given it, or `None` for what cannot be one."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, (list, tuple)):
        parts = [as_text(part) for part in value]
        return ",".join(part for part in parts if part) if parts and all(parts) else None
    text = value.strip() if isinstance(value, str) else ""
    return text if text and text.isprintable() else None


def meaning(name: str, value: str) -> Any:
    """What a value means: equal meaning is equal value, whatever its spelling."""
    text = value.strip()
    lowered = text.lower()
    if name in _LISTS:
        return frozenset(part.strip() for part in text.split(",") if part.strip())
    # First: where `1` is a number, the other side can only be another number, and these two are no number besides.
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    match = re.fullmatch(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[a-z]*)", lowered)
    if match and match["unit"] in {"", *_BYTES, *_SECONDS}:
        unit = match["unit"]
        return float(match["number"]) * (_BYTES.get(unit) or _SECONDS.get(unit) or 1)
    return text


def full_name(name: str, known: Iterable[str]) -> str:
    """A short name, such as `ping-timeout`, in full where one of the known options has it; otherwise as it is."""
    if "." in name:
        return name
    return next((option for option in known if option.partition(".")[2] == name), name)


def to_set(declared: Mapping[str, str], actual: Mapping[str, str]) -> dict[str, str]:
    """The options whose declared meaning is not the one that is set."""
    return {
        name: value
        for name, value in in_full(declared, actual).items()
        if name not in actual or meaning(name, value) != meaning(name, actual[name])
    }


def to_reset(declared: Mapping[str, str], actual: Mapping[str, str]) -> tuple[str, ...]:
    """The options that are set and that nobody declares, without those that are not the operator's."""
    kept = set(in_full(declared, actual)) | SET_AT_CREATION | POOL_WIDE
    return tuple(name for name in sorted(actual) if name not in kept and not name.startswith(_OF_FEATURES))


def in_full(declared: Mapping[str, str], actual: Mapping[str, str]) -> dict[str, str]:
    return {full_name(name, actual): value for name, value in declared.items()}
