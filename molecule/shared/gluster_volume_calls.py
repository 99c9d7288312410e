# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of GlusterFS volumes share: gluster's own words, a mount, files with checksums, and a caller killed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator
from xml.etree import ElementTree

from checks import node
from module_calls import module
from testinfra.host import Host

_IN_FRONT = "/usr/local/sbin/gluster"
# Runs the real command, and after the n-th one that changes something kills whoever called it.
_KILLER = r"""#!/bin/sh
/usr/sbin/gluster "$@"
status=$?
case " $* " in
  *" status "*|*" info "*|*" list "*|*"client-list"*|*" snapshot config "*) exit $status ;;
esac
left=$(($(cat /run/gluster-kill) - 1))
echo $left > /run/gluster-kill
[ $left -ne 0 ] || kill -9 $PPID
exit $status
"""


def volumes(host: Host, *declared: dict[str, Any], check: bool = False, **arguments: Any) -> dict[str, Any]:
    """The result of gluster_volumes for these volumes."""
    return module(host, "gluster_volumes", check=check, volumes=list(declared), **arguments)


def gluster(host: Host, *words: str) -> ElementTree.Element:
    answer = host.check_output(f"gluster --mode=script --xml {' '.join(words)}")
    return ElementTree.fromstring(answer)  # noqa: S314 - from gluster on the lab's own host


def info(host: Host, volume: str) -> str:
    """Everything that gluster keeps of a volume, its id among it."""
    return host.check_output(f"gluster volume info {volume}")


def bricks_of(host: Host, volume: str) -> list[str]:
    """`NODE:/path`, in gluster's order."""
    names = {peer(host, number): f"node{number}" for number in (1, 2, 3, 4)}
    return [
        names[brick.findtext("hostUuid")] + ":" + brick.findtext("name").partition(":")[2]
        for brick in gluster(host, "volume", "info", volume).iter("brick")
    ]


def peer(host: Host, number: int) -> str:
    """The UUID of a host of the pool."""
    line = node(f"node{number}").check_output("grep ^UUID= /var/lib/glusterd/glusterd.info")
    return line.partition("=")[2]


def mount(host: Host, volume: str) -> str:
    directory = f"/mnt/{volume}"
    host.check_output(
        f"mkdir -p {directory} && (mountpoint -q {directory} ||"
        f" timeout 30 mount -t glusterfs localhost:/{volume} {directory}) && timeout 30 stat -f {directory}"
    )
    return directory


def unmount(host: Host, volume: str) -> None:
    host.check_output(f"! mountpoint -q /mnt/{volume} || umount /mnt/{volume}")


def write_files(host: Host, directory: str, count: int, size: int = 2000) -> str:
    """So many files of random bytes in a directory of a mount; returns their checksums."""
    host.check_output(
        f"mkdir -p {directory} && cd {directory} && "
        f"for i in $(seq {count}); do head -c {size} /dev/urandom > file$i; done && sync -f ."
    )
    return checksums(host, directory)


def checksums(host: Host, directory: str) -> str:
    return host.check_output(
        f"cd {directory} && find . -type f ! -path './.glusterfs*' -print0 | sort -z | xargs -0r sha256sum"
    )


def files_in(brick: str) -> int:
    """How many files with data a brick's directory holds, without what points elsewhere (mode 1000, size 0)."""
    name, _colon, path = brick.partition(":")
    found = node(name).check_output(f"find {path} -path {path}/.glusterfs -prune -o -type f -size +0 -print | wc -l")
    return int(found)


@contextmanager
def killed_after(host: Host, changes: int) -> Iterator[None]:
    """Whoever calls gluster on this host is killed after so many commands that change something."""
    host.check_output(f"cat > {_IN_FRONT} <<'EOF'\n{_KILLER}EOF")
    host.check_output(f"chmod 755 {_IN_FRONT} && echo {changes} > /run/gluster-kill")
    try:
        yield
    finally:
        host.check_output(f"rm {_IN_FRONT}")
