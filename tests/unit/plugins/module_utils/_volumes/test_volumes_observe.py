# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the host, as far as it needs no engine."""

from __future__ import annotations

import errno
import os
import socket
import stat
import threading
import time

import docker
import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._engine import Engine
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.apply import (
    make_directory,
    make_directory_on_glusterfs,
    reaches_all_bricks,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.observe import (
    Mount,
    at_once,
    directories,
    may_name,
    mount_below,
    parse_mountinfo,
    says_that_it_is_gone,
    secrets,
    services,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.spec import NewDirectory
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._volumes.volume_samples import (
    actual,
    declaration,
)

MOUNTINFO = """\
25 30 0:23 / /sys rw,nosuid,nodev,noexec,relatime shared:7 - sysfs sysfs rw
30 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,errors=remount-ro
99 30 0:45 / /mnt/glusterfs/gv0 rw,relatime shared:60 - fuse.glusterfs g1:/gv0 rw,user_id=0
100 30 0:46 / /mnt/with\\040space rw - tmpfs tmp\\011fs rw
101 30 0:46 / /mnt/optional rw shared:1 master:2 propagate_from:3 - nfs4 10.0.0.5:/x rw
not a line
"""

MINE = NewDirectory(None, None, 0o750)


def test_secrets_of_volumes_that_are_there_are_found():
    share = actual(options={"type": "cifs", "device": "//f/s", "o": "username=u,password=old"})
    assert secrets([share, actual("cache")]) == {"old"}


def test_the_table_of_mounts_is_read():
    assert parse_mountinfo(MOUNTINFO) == (
        Mount("/sys", "sysfs", "sysfs"),
        Mount("/", "ext4", "/dev/vda1"),
        Mount("/mnt/glusterfs/gv0", "fuse.glusterfs", "g1:/gv0"),
        Mount("/mnt/with space", "tmpfs", "tmp\tfs"),
        Mount("/mnt/optional", "nfs4", "10.0.0.5:/x"),
    )


@pytest.mark.parametrize(
    ("path", "mount_point"),
    [
        ("/mnt/glusterfs/gv0", "/mnt/glusterfs/gv0"),
        ("/mnt/glusterfs/gv0/media", "/mnt/glusterfs/gv0"),
        ("/mnt/glusterfs/gv01", ""),
        ("/srv/www", ""),
    ],
)
def test_the_mount_that_a_path_is_on_is_found(path, mount_point):
    assert mount_below(path, parse_mountinfo(MOUNTINFO)) == mount_point


def test_a_manager_that_lists_no_services_says_why_and_not_that_there_are_none(tmp_path):
    address, body = f"unix://{tmp_path}/socket", b'{"message": "The swarm does not have a leader."}'

    def refuse() -> None:
        connection, _peer = listener.accept()
        connection.recv(1000)
        head = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body) + body)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{tmp_path}/socket")
        listener.listen()
        threading.Thread(target=refuse, daemon=True).start()
        found, why = services(Engine(docker.APIClient(base_url=address, version="1.41", timeout=5), address))
    assert found == []
    assert why.startswith("this manager cannot list services (the engine says: The swarm does not have a leader.")


def test_questions_that_hang_cost_one_limit_together():
    started = time.monotonic()
    slow = {f"slow{number}": lambda: time.sleep(5) or "late" for number in range(10)}
    assert at_once({**slow, "quick": lambda: "answer"}, 0.2) == {"quick": "answer"}
    assert time.monotonic() - started < 2


def looked_at(path, **create_path):
    volume = {"name": "www", "bind": {"path": str(path)}, "create_path": create_path}
    return directories(declaration(volume).volumes, 5)[str(path)]


def test_directories_are_looked_at(tmp_path):
    (tmp_path / "file").touch()
    assert looked_at(tmp_path).exists
    assert looked_at(tmp_path / "missing").problem == ""
    assert "no directory" in looked_at(tmp_path / "file").problem
    assert "knows no user 'nobody-here'" in looked_at(tmp_path / "missing", owner="nobody-here").problem
    assert "knows no group 'nobody-here'" in looked_at(tmp_path / "missing", group="nobody-here").problem


def test_a_directory_is_made_with_its_parents(tmp_path):
    owner, group = os.geteuid(), os.getegid()
    make_directory(str(tmp_path / "a" / "b"), NewDirectory(str(owner), str(group), 0o750), below=str(tmp_path))
    made = (tmp_path / "a" / "b").stat()
    assert (stat.S_IMODE(made.st_mode), made.st_uid, made.st_gid) == (0o750, owner, group)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o755


def test_a_directory_that_exists_is_left_as_it_is(tmp_path):
    tmp_path.chmod(0o711)
    make_directory(str(tmp_path), NewDirectory("12345", None, 0o700), below="/")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o711


def test_what_must_exist_is_not_made(tmp_path):
    with pytest.raises(FileNotFoundError):
        make_directory(str(tmp_path / "mount" / "a"), MINE, below=str(tmp_path / "mount"))


def test_a_volume_is_gone_when_the_engine_or_the_swarm_says_so_and_not_when_its_plugin_is():
    assert says_that_it_is_gone("get app: no such volume", "app")
    assert says_that_it_is_gone("volume app not found", "app")
    assert not says_that_it_is_gone('plugin "sshfs" not found', "app")
    assert not says_that_it_is_gone("volume other not found", "app")


@pytest.mark.parametrize(
    ("source", "volume", "expected"),
    [
        ("data", "data", True),
        ("data", "data-1", False),
        ("data-{{.Task.Slot}}", "data-1", True),
        ("data-{{ .Task.Slot }}", "data-12", True),
        ("{{.Node.Hostname}}-{{.Task.Slot}}.d", "node1-3.d", True),
        ("{{.Node.Hostname}}-{{.Task.Slot}}.d", "node1-3xd", False),
        ("data-{{.Task.Slot}}", "data-", False),
        ("data-{{.Task.Slot}}", "my-data-1", False),
    ],
)
def test_the_source_of_a_mount_may_be_a_template(source, volume, expected):
    assert may_name(source, volume) is expected


def test_a_directory_on_glusterfs_waits_until_the_client_reaches_all_bricks(tmp_path):
    one, two = (tmp_path / ".meta" / "graphs" / "active" / f"gv0-client-{number}" / "private" for number in (0, 1))
    for file in (one, two):
        file.parent.mkdir(parents=True)
        file.write_text("[xlator.protocol.client.gv0-client.priv]\nconnecting = 0\nconnected = 1\n")
    assert reaches_all_bricks(str(tmp_path))
    two.write_text(two.read_text().replace("connected = 1", "connected = 0"))
    assert not reaches_all_bricks(str(tmp_path))
    assert reaches_all_bricks(str(tmp_path / "of-another-kind"))

    threading.Timer(0.3, lambda: two.write_text("connected = 1\n")).start()
    began = time.monotonic()
    make_directory_on_glusterfs(str(tmp_path / "a"), MINE, str(tmp_path), patience=20)
    assert 0.2 < time.monotonic() - began < 10
    assert (tmp_path / "a").is_dir()


def test_a_brick_that_stays_away_does_not_keep_a_directory_from_being_made(tmp_path):
    file = tmp_path / ".meta" / "graphs" / "active" / "gv0-client-0" / "private"
    file.parent.mkdir(parents=True)
    file.write_text("connected = 0\n")
    make_directory_on_glusterfs(str(tmp_path / "a"), MINE, str(tmp_path), patience=0.2)
    assert (tmp_path / "a").is_dir()


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_what_glusterfs_refuses_while_others_are_at_it_is_tried_again(tmp_path, monkeypatch, number):
    refusals = [OSError(number, "refused"), OSError(number, "refused")]
    real = os.chmod

    def refuse_twice(path, mode):
        if refusals:
            raise refusals.pop()
        real(path, mode)

    monkeypatch.setattr(os, "chmod", refuse_twice)
    make_directory_on_glusterfs(str(tmp_path / "a"), MINE, str(tmp_path), patience=5)
    assert not refusals
    refusals.append(PermissionError(errno.EACCES, "refused"))
    with pytest.raises(PermissionError):
        make_directory_on_glusterfs(str(tmp_path / "b"), MINE, str(tmp_path), patience=5)
