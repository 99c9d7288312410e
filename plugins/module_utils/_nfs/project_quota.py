# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to project quotas: quotactl(2), and the project of a file (FS_IOC_FSSETXATTR, linux/fs.h).

Both are the same for ext4 and xfs, and need no package.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import stat
import struct
from contextlib import contextmanager
from dataclasses import replace
from typing import Callable, Iterable, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import files, quotas
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.errors import QuotaFailed, ServerError
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.quotas import Change, Directory, State
from ansible_collections.berthage.swarm.plugins.module_utils._nfs.spec import Declaration

PROJECTS = "/etc/projects"
PROJID = "/etc/projid"

# linux/quota.h, linux/dqblk_xfs.h
_PROJECT_QUOTA = 2
_GET_QUOTA = 0x800007
_SET_QUOTA = 0x800008
_GET_STATE = (ord("X") << 8) + 8
_ENFORCED = 1 << 5
_BLOCK_LIMITS = 1
_QUOTA = struct.Struct("=8QI4x")
_BLOCK = 1024

# linux/fs.h: flags, extent size, extents, project, extent size of copies, padding
_ATTRIBUTES = struct.Struct("=5I8x")
_GET_ATTRIBUTES = 0x801C581F
_SET_ATTRIBUTES = 0x401C5820
_INHERITED = 0x200

# An entry that clients have removed since it was listed, or replaced by a link or a socket.
_REPLACED = (errno.ENOENT, errno.ELOOP, errno.ENXIO)

_REMEDIES = {
    "xfs": "mount it with the option `prjquota` in /etc/fstab; for the root file system boot with `rootflags=prjquota`",
    "ext4": "unmount it, run `tune2fs -O project,quota -Q prjquota DEVICE`, and mount it with the option `prjquota`",
}


def observe(declared: Declaration, places: Mapping[str, str]) -> State:
    """The projects of this host, and the directories that have a quota or are to have one.

    `places` are the directories that the declared paths lead to, as they were judged by `links.problems`.

    Raises:
        ServerError: the kernel, or a file, does not tell.
    """
    try:
        return _observed(declared, places)
    except OSError as error:
        raise ServerError(f"the quotas of this host cannot be read: {error}") from error


def _observed(declared: Declaration, places: Mapping[str, str]) -> State:
    projects = quotas.read(*_registry())
    ours = quotas.ours(declared.name, projects)
    real = {**{path: os.path.realpath(path) for path in (*ours, *declared.absent)}, **places}
    wanted = [real[export.path] for export in declared.exports if export.quota is not None]
    looked_at = {*wanted, *(real[path] for path in ours)}
    # What others limit matters only to where it lies.
    others = [path for path in projects.numbers if wanted and os.path.isdir(path)]
    directories = {place: _directory(place) for place in {*looked_at, *others}}
    numbers = {real.get(path, path): number for path, number in projects.numbers.items()}
    limits = {
        place: _limit(place, number)
        for place, number in numbers.items()
        if place in looked_at and not directories[place].unfit
    }
    return State(projects, directories, limits, real)


@contextmanager
def in_force(changes: Sequence[Change]) -> Iterator[None]:
    """Quotas are there before what is done within, and those that are declared no more go after it. When it fails, all
    are put back.

    Raises:
        QuotaFailed: the file system did not take one.
    """
    made: list[Change] = []
    try:
        _make([change for change in changes if not change.leaves], made)
        yield
    except BaseException:
        _take_back(made)
        raise
    _make([change for change in changes if change.leaves], [])


def _make(changes: Iterable[Change], made: list[Change]) -> None:
    for change in changes:
        made.append(change)
        try:
            _leave(change) if change.leaves else _join(change)
        except OSError as error:
            raise QuotaFailed(f"{change.path}, quota: {error}", changed=change.leaves) from error


def _take_back(made: Sequence[Change]) -> None:
    for change in reversed(made):
        try:
            _leave(change.undone) if change.joins else _join(change.undone)
        except OSError as error:
            raise QuotaFailed(f"{change.path}, quota: could not be put back ({error}); see to that", True) from error


def _join(change: Change) -> None:
    # Killed anywhere in between, the next run sees a directory without a limit, and joins it again.
    if change.joins:
        projects, projid = quotas.with_entry(*_registry(), change)
        # The name first, and last when it goes: a number without one would be taken for somebody else's.
        files.put(PROJID, projid)
        files.put(PROJECTS, projects)
        _set_limit(change.place, change.project, 0)
        _mark(change.place, 0, change.project)
    _set_limit(change.place, change.project, change.after)


def _leave(change: Change) -> None:
    place = os.path.realpath(change.place)
    if os.path.isdir(place) and not _directory(place).unfit:
        _set_limit(place, change.project, 0)
        _mark(place, change.project, 0)
    projects, projid = quotas.without_entry(*_registry(), change)
    files.put(PROJECTS, projects)
    files.put(PROJID, projid)


def _registry() -> tuple[str, str]:
    return files.read(PROJECTS).text or "", files.read(PROJID).text or ""


def _directory(path: str) -> Directory:
    """A directory that does not exist yet will be on the file system of the nearest one that does."""
    there = path
    while not os.path.isdir(there):
        there = os.path.dirname(there)
    device, kind = _file_system(there)
    if kind not in _REMEDIES:
        return Directory(
            unfit=f"its file system ({kind or 'unknown'}) has no project quotas",
            remedy="put the directory on xfs or ext4, or leave `quota` out",
        )
    if not _is_enforced(device):
        return Directory(
            unfit=f"the {kind} file system on {device} does not enforce project quotas", remedy=_REMEDIES[kind]
        )
    # xfs keeps limits in its own blocks.
    block = os.statvfs(there).f_frsize if kind == "xfs" else _BLOCK
    found = Directory(device=os.stat(there).st_dev, block=block)
    if there != path:
        return found
    flags, _extent, _extents, project, _copies = _attributes(path)
    return replace(found, project=project, marked=bool(flags & _INHERITED))


def _file_system(path: str) -> tuple[str, str]:
    """Its device and type, as the kernel's table of mounts has them (proc(5))."""
    number = os.stat(path).st_dev
    wanted = f"{os.major(number)}:{os.minor(number)}"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            before, _dash, after = line.partition(" - ")
            if before.split()[2] == wanted:
                kind, source = after.split()[:2]
                return source, kind
    return "", ""


def _is_enforced(device: str) -> bool:
    state = bytearray(1024)
    state[0] = 1  # the version of the structure
    try:
        _quotactl(_GET_STATE, device, 0, state)
    except OSError:
        return False
    return bool(struct.unpack_from("=H", state, 2)[0] & _ENFORCED)


def _limit(path: str, project: int) -> int:
    data = bytearray(_QUOTA.size)
    try:
        _quotactl(_GET_QUOTA, _file_system(_existing(path))[0], project, data)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ESRCH):
            return 0
        raise
    return int(_QUOTA.unpack(data)[0]) * _BLOCK


def _set_limit(path: str, project: int, size: int) -> None:
    blocks = size // _BLOCK
    data = bytearray(_QUOTA.pack(blocks, 0, 0, 0, 0, 0, 0, 0, _BLOCK_LIMITS))
    _quotactl(_SET_QUOTA, _file_system(path)[0], project, data)


def _quotactl(command: int, device: str, project: int, data: bytearray) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    buffer = (ctypes.c_char * len(data)).from_buffer(data)
    number = ctypes.c_int((command << 8 | _PROJECT_QUOTA) & 0xFFFFFFFF)
    if library.quotactl(number, os.fsencode(device), ctypes.c_int(project), buffer) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"project quota of {device}: {os.strerror(code)}")


def _mark(place: str, old: int, new: int) -> None:
    """Have a directory and all that is in it belong to another project, while clients go on working in it.

    Each directory is listed after it was marked itself. What is made in it from then on belongs to its project, and
    what does not cannot be moved into it (EXDEV), so nothing is missed.
    """
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        # Clients of an export around it could have put a link in its way.
        if os.readlink(f"/proc/self/fd/{descriptor}") != place:
            raise OSError(errno.ELOOP, "is another directory than it was just now", place)
        _mark_tree(descriptor, os.fstat(descriptor).st_dev, old, new)
    finally:
        os.close(descriptor)


def _mark_tree(directory: int, device: int, old: int, new: int) -> None:
    if new:
        # A file that is in its directory's project not yet cannot be renamed there: so most come before it.
        _mark_files(directory, device, old, new)
    _set_project(directory, old, new)
    _mark_files(directory, device, old, new)
    for below in _opened(directory, device, lambda entry: entry.is_dir(follow_symlinks=False)):
        _mark_tree(below, device, old, new)


def _mark_files(directory: int, device: int, old: int, new: int) -> None:
    for file in _opened(directory, device, lambda entry: entry.is_file(follow_symlinks=False)):
        _set_project(file, old, new)


def _opened(directory: int, device: int, is_wanted: Callable[[os.DirEntry[str]], bool]) -> Iterator[int]:
    """What is in a directory and on the same file system, each opened in turn. By descriptors, since clients may move
    directories meanwhile, or put links in their places."""
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries if is_wanted(entry)]
    for name in names:
        try:
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory)
        except OSError as error:
            if error.errno in _REPLACED:
                continue
            raise
        try:
            if os.fstat(descriptor).st_dev == device:
                yield descriptor
        finally:
            os.close(descriptor)


def _set_project(descriptor: int, old: int, new: int) -> None:
    data = bytearray(_ATTRIBUTES.size)
    fcntl.ioctl(descriptor, _GET_ATTRIBUTES, data)
    flags, extent, extents, project, copies = _ATTRIBUTES.unpack(data)
    if project not in (old, new):
        # Somebody else's, who counts it.
        return
    wanted = flags
    if stat.S_ISDIR(os.fstat(descriptor).st_mode):
        wanted = flags | _INHERITED if new else flags & ~_INHERITED
    if (wanted, new) != (flags, project):
        fcntl.ioctl(descriptor, _SET_ATTRIBUTES, _ATTRIBUTES.pack(wanted, extent, extents, new, copies))


def _attributes(path: str) -> tuple[int, ...]:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        data = bytearray(_ATTRIBUTES.size)
        fcntl.ioctl(descriptor, _GET_ATTRIBUTES, data)
    finally:
        os.close(descriptor)
    return _ATTRIBUTES.unpack(data)


def _existing(path: str) -> str:
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path
