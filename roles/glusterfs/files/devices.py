# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The devices of bricks: formatted once, and mounted at their paths, now and at boot.

    python3 - look BRICKS     prints, as JSON: changed, and what would be done
    python3 - do BRICKS       does it, and prints the same

BRICKS is a JSON list of {path, device, wipe, fs_type}. Everything is looked at before the first change, and every
reason to refuse is said at once. A device that holds anything is not formatted unless `wipe` says so, be it of no kind
that anybody knows: its first and its last MiB have to be zeros. One in use is not even then. A file system that carries
the role's own label never is, and is mounted as it is: it may be a brick of this host's life before.
"""

from __future__ import annotations

import errno
import glob
import json
import os
import re
import stat
import subprocess
import sys
from dataclasses import dataclass
from typing import Iterator

LABEL = "berthage"
FSTAB = "/etc/fstab"
# nofail: a dead disk must keep neither the host down nor the bricks on its other disks. The brick on it stays down: its
# directory is on the disk, not below it. before: glusterd starts its bricks once, at its own start.
OPTIONS = "noatime,nofail,x-systemd.before=glusterd.service,x-systemd.device-timeout=30s"
LIMIT = 600
MIB = 1024 * 1024
# Gluster's extended attributes fit into an inode of 512 bytes.
MKFS = {
    "xfs": ("mkfs.xfs", "-q", "-L", LABEL, "-i", "size=512"),
    "ext4": ("mkfs.ext4", "-q", "-L", LABEL, "-I", "512"),
}


class Failed(Exception):
    """What went wrong, and what to do."""


@dataclass(frozen=True)
class Brick:
    path: str
    device: str
    wipe: bool
    fs_type: str


@dataclass(frozen=True)
class Mount:
    device: str  # MAJOR:MINOR
    root: str  # what of its file system
    point: str


@dataclass(frozen=True)
class Seen:
    """A device, and the place where it is to be mounted. `problem` says what is in the way."""

    problem: str = ""
    mounted: bool = False
    signatures: str = ""  # what libblkid finds on it
    is_ours: bool = False
    listed: bool = False  # in fstab, at its path


def main(arguments: list[str]) -> None:
    bricks = [
        Brick(each["path"].rstrip("/"), each["device"], each["wipe"], each["fs_type"])
        for each in json.loads(arguments[1])
    ]
    try:
        seen = {brick: look(brick) for brick in bricks}
        _refuse([f"{brick.path}, device: {it.problem}" for brick, it in seen.items() if it.problem] + _twice(bricks))
        told = [line for brick in bricks for line in plan(brick, seen[brick])]
        if arguments[0] == "do":
            for brick in bricks:
                do(brick, seen[brick])
    except Failed as failure:
        sys.exit(str(failure))
    print(json.dumps({"changed": bool(told), "told": told}))


def look(brick: Brick) -> Seen:
    try:
        device = os.stat(brick.device)
    except OSError as error:
        return Seen(f"{brick.device}: {error.strerror}; see `lsblk` for what this host has")
    if not stat.S_ISBLK(device.st_mode):
        return Seen(f"{brick.device} is no block device; see `lsblk` for what this host has")
    found = _signatures(brick.device)
    mounted = _is_mounted(brick, device)
    is_ours = mounted or (found.get("TYPE") in MKFS and found.get("LABEL") == LABEL)
    lines = [line[0] for line in _fstab() if os.path.normpath(_decoded(line[1])) == os.path.normpath(brick.path)]
    # What is to be formatted is called otherwise after that.
    listed = is_ours and bool(lines) and all(_means(line, device, found) for line in lines)
    problems = []
    if lines and not listed:
        problems.append(f"{FSTAB} has another line for {brick.path}; remove it, or leave `device` out")
    if mounted:
        return Seen("; ".join(problems), mounted=True, is_ours=True, listed=listed)
    shown = ", ".join(f"{key} {found[key]}" for key in ("TYPE", "PTTYPE", "LABEL", "UUID") if key in found)
    shown = shown or ("data of no kind that blkid knows" if _has_data(brick.device) else "")
    problems = [*_in_the_way(brick, device), *problems]
    if shown and not is_ours and not brick.wipe:
        problems.append(
            f"{brick.device} is not empty ({shown}); say `wipe: true` with it when nothing on it is needed, or mount "
            "it yourself and leave `device` out"
        )
    return Seen("; ".join(problems), False, shown, is_ours, listed)


def plan(brick: Brick, seen: Seen) -> list[str]:
    """What is to be done, in words."""
    if seen.mounted and seen.listed:
        return []
    told = [] if seen.is_ours else [f"format {brick.device} ({brick.fs_type})"]
    return [*told, f"mount {brick.device} at {brick.path}, now and at boot"]


def do(brick: Brick, seen: Seen) -> None:
    if not seen.is_ours:
        if seen.signatures:
            _run("wipefs", "--all", brick.device)
        _run(*MKFS[brick.fs_type], brick.device)
    if not seen.listed:
        found = _signatures(brick.device)
        source = _source(os.stat(brick.device), found)
        _list(f"{source} {_encoded(brick.path)} {found['TYPE']} {OPTIONS} 0 0\n")
        _run("systemctl", "daemon-reload")
    if not seen.mounted:
        os.makedirs(brick.path, exist_ok=True)
        # Nothing is written below while nothing is mounted. Not every file system knows the flag.
        subprocess.run(["chattr", "+i", brick.path], capture_output=True, check=False)
        _run("mount", brick.path)
        if os.stat(brick.path).st_dev != os.stat(brick.device).st_rdev:
            raise Failed(
                f"{brick.path}: mounted, and yet another device than {brick.device}; see `findmnt {brick.path}`"
            )


def _is_mounted(brick: Brick, device: os.stat_result) -> bool:
    """Whether the file system of the device, as a whole, is what is mounted at the path itself. (That the path is on
    the device says less: it may be any directory of it.)"""
    here = [each for each in _mounts() if each.point == os.path.realpath(brick.path)]
    return bool(here) and (here[-1].device, here[-1].root) == (_numbers(device.st_rdev), "/")


def _in_the_way(brick: Brick, device: os.stat_result) -> Iterator[str]:
    place = os.stat(brick.path) if os.path.isdir(brick.path) else None
    name = os.path.basename(os.path.realpath(brick.device))
    users = [os.path.basename(each) for each in glob.glob(f"/sys/class/block/{name}/holders/*")]
    parts = [each.split("/")[-2] for each in glob.glob(f"/sys/class/block/{name}/*/partition")]
    where = [each.point for each in _mounts() if each.device == _numbers(device.st_rdev)]
    if where:
        yield f"{brick.device} is mounted at {', '.join(where)}; unmount it first, or choose another"
    if users or parts:
        yield f"{brick.device} is in use by {', '.join(users + parts)}; choose a device that nothing is built on"
    if not where and not users and not parts and _is_held(brick.device):
        yield (
            f"{brick.device} is in use (as swap space, by a mount in a container, or by another program); see "
            f"`swapon`, `lsblk` and `fuser -v {brick.device}`, or choose another"
        )
    if place is not None and place.st_dev != os.stat(os.path.dirname(brick.path)).st_dev:
        yield f"something else is mounted at {brick.path}; see `findmnt {brick.path}`"
    elif place is not None and os.listdir(brick.path):
        yield f"{brick.path} has files in it, which the mount would hide; move them away"


def _is_held(device: str) -> bool:
    """Whether anybody has it for himself: mounts, swap, LVM, MD and many programs do (open(2), O_EXCL)."""
    try:
        os.close(os.open(device, os.O_RDONLY | os.O_EXCL))
    except OSError as error:
        if error.errno == errno.EBUSY:
            return True
        raise Failed(f"{device} cannot be opened: {error.strerror}") from error
    return False


def _has_data(device: str) -> bool:
    try:
        with open(device, "rb") as file:
            start = file.read(MIB)
            file.seek(max(0, file.seek(0, os.SEEK_END) - MIB))
            return any(start) or any(file.read(MIB))
    except OSError as error:
        raise Failed(f"{device} cannot be read: {error.strerror}") from error


def _source(device: os.stat_result, found: dict[str, str]) -> str:
    """What fstab says for a device: the UUID of its file system, whatever the disk is called at the next boot.

    Not so for a logical volume: its snapshots, gluster's among them, have the same UUID, and might be mounted in its
    place. It has a name that stays.
    """
    about = f"/sys/dev/block/{_numbers(device.st_rdev)}/dm"
    if "".join(_lines(f"{about}/uuid")).startswith("LVM-"):
        return f"/dev/mapper/{''.join(_lines(f'{about}/name')).strip()}"
    return f"UUID={found['UUID']}" if "UUID" in found else ""


def _signatures(device: str) -> dict[str, str]:
    """What the device itself says, not what udev remembers; empty where there is nothing."""
    done = _call("blkid", "--probe", "--output", "export", device)
    if done.returncode not in (0, 2) or (done.returncode == 2 and done.stderr.strip()):
        raise Failed(f"`blkid {device}` cannot tell what is on it: {done.stderr.strip() or 'several signatures'}")
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line and "DEVNAME" not in line)


def _twice(bricks: list[Brick]) -> list[str]:
    devices = [os.path.realpath(brick.device) for brick in bricks]
    return [
        f"{each}, device: is given twice; one device makes one file system"
        for each in {*devices}
        if devices.count(each) > 1
    ]


def _refuse(problems: list[str]) -> None:
    if problems:
        raise Failed("\n".join(problems))


def _means(source: str, device: os.stat_result, found: dict[str, str]) -> bool:
    """Whether a line of fstab is about a device, whatever it calls it."""
    tag, is_tag, value = source.partition("=")
    if tag == "UUID":
        return found.get("UUID", "").lower() == value.strip('"').lower()
    name = _call("findfs", source.replace('"', "")).stdout.strip() if is_tag and "/" not in tag else _decoded(source)
    try:
        meant = os.stat(name)
    except OSError:
        return False
    return stat.S_ISBLK(meant.st_mode) and meant.st_rdev == device.st_rdev


def _mounts() -> list[Mount]:
    """Those of this process, in their order: of several at one place, the last one is seen. See proc(5)."""
    lines = [line.split() for line in _lines("/proc/self/mountinfo")]
    return [Mount(line[2], _decoded(line[3]), _decoded(line[4])) for line in lines]


def _decoded(text: str) -> str:
    """Of mountinfo and fstab, which write a space as \\040."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def _encoded(text: str) -> str:
    return re.sub(r"[\s\\]", lambda found: f"\\{ord(found[0]):03o}", text)


def _fstab() -> list[list[str]]:
    lines = [line.split() for line in _lines(FSTAB) if not line.lstrip().startswith("#")]
    return [line for line in lines if len(line) > 1]


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.readlines()
    except FileNotFoundError:
        return []


def _list(line: str) -> None:
    text = "".join(each if each.endswith("\n") else f"{each}\n" for each in _lines(FSTAB)) + line
    with open(f"{FSTAB}.berthage", "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(f"{FSTAB}.berthage", 0o644)
    os.replace(f"{FSTAB}.berthage", FSTAB)


def _numbers(device: int) -> str:
    return f"{os.major(device)}:{os.minor(device)}"


def _run(*command: str) -> None:
    done = _call(*command)
    if done.returncode:
        raise Failed(f"`{' '.join(command)}` failed: {' '.join((done.stdout + done.stderr).split())}")


def _call(*command: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            command,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT,
            check=False,
            text=True,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise Failed(f"`{' '.join(command)}`: {error}") from error


if __name__ == "__main__":
    main(sys.argv[1:])
