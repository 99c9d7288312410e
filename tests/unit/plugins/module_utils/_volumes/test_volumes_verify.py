# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Grouping, blaming and explaining; and which probes were left behind."""

from __future__ import annotations

import io
import socket
import tarfile
import time

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._engine import EngineRefusal
from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Problem
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import Endpoint, recognise
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.probe import (
    PROBE_LABEL,
    Probes,
    empty_directories,
    mount,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.verify import (
    Mountable,
    Servers,
    blamed,
    by_server,
    explain,
    summary,
)


def nfs(name, server="10.0.0.5"):
    return Mountable(
        name, recognise("local", {"type": "nfs", "device": f":/{name}", "o": f"addr={server},nfsvers=4.2"})
    )


LOCAL = Mountable("cache", recognise("local", {}))


def test_volumes_of_one_server_are_one_group_and_those_of_this_host_another():
    groups = by_server([nfs("a1"), LOCAL, nfs("b1", "10.0.0.6"), nfs("a2")])
    assert {server: [volume.name for volume in group] for server, group in groups.items()} == {
        (Endpoint("10.0.0.5", 2049),): ["a1", "a2"],
        "": ["cache"],
        (Endpoint("10.0.0.6", 2049),): ["b1"],
    }


def test_what_stands_on_a_mount_or_a_plugin_that_may_hang_is_a_group_of_its_own():
    bind = recognise("local", {"type": "none", "o": "bind", "device": "/mnt/glusterfs/gv0/media"})
    volumes = [LOCAL, Mountable("media", bind, "/mnt/glusterfs/gv0"), Mountable("home", recognise("x/y:latest", {}))]
    assert set(by_server(volumes)) == {"", "/mnt/glusterfs/gv0", "x/y"}


def test_the_volume_that_the_engine_names_is_blamed():
    reason = (
        "error while mounting volume '/var/lib/docker/volumes/a1/_data': failed to mount local volume: no such device"
    )
    assert [volume.name for volume in blamed(reason, [nfs("a11"), nfs("a1"), nfs("1")])] == ["a1"]


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("no such device", "no NFS client"),
        ("no such file or directory", "exports no such directory"),
        ("permission denied", "does not export that directory to this host"),
        ("connection timed out", "does not answer"),
        ("connection refused", "nothing listens"),
        ("protocol not supported", "does not offer this version"),
        ("something of tomorrow", "something of tomorrow"),
    ],
)
def test_the_reason_of_the_kernel_becomes_a_cause_and_a_remedy(words, cause):
    problem = explain(nfs("app"), f"error while mounting volume 'x': mount :/app:/x, data: addr=10.0.0.5: {words}")
    assert (problem.item, problem.field) == ("app", "nfs")
    assert cause in problem.message
    assert problem.remedy


def test_the_options_of_a_mount_are_not_in_the_explanation_of_a_known_reason():
    reason = "failed to mount local volume: mount //f/s:/x, data: username=u,password=hush: permission denied"
    assert "hush" not in str(explain(nfs("app"), reason))


def test_the_options_of_a_mount_are_not_in_what_cannot_be_explained_either():
    problem = explain(nfs("app"), "failed to mount local volume: mount :/a:/b, data: addr=h,secret=hush: odd words")
    assert "odd words" in problem.message
    assert "hush" not in str(problem)


def test_one_cause_is_one_line_however_many_volumes_it_has():
    problems = [
        Problem("aa", "nfs", "it is down", "start it"),
        Problem("b", "nfs", "other", "x"),
        Problem("cc", "nfs", "it is down", "start it"),
    ]
    assert summary(problems).splitlines() == ["aa, cc, nfs: it is down; start it", "b, nfs: other; x"]


class Interrupted:
    """An engine whose mounts are refused with these words, one after the other, and then succeed."""

    def __init__(self, *words):
        self.words = list(words)
        self.probes = 0

    def get(self, url, timeout, **query):
        if self.words:
            raise EngineRefusal(500, self.words.pop(0))

    def post(self, path, body=None, timeout=0.0):
        if path == "/containers/create":
            self.probes += 1
        return {"Id": "probe"}

    def send(self, path, data, timeout, **query):
        return {"status": "image"}

    def delete(self, path, timeout, force):
        pass


def test_a_mount_that_a_signal_interrupted_is_tried_again_by_another_probe_and_any_other_refusal_is_not():
    signal = "mount //f/s:/var/lib/docker/volumes/office/_data, data: addr=h: interrupted system call"
    once = Interrupted(signal)
    Probes(once, 1.0).mount(["office"])
    assert once.probes == 2

    always = Interrupted(*[signal] * 10)
    with pytest.raises(EngineRefusal, match="interrupted system call"):
        Probes(always, 1.0).mount(["office"])
    assert always.probes == 5

    refused = Interrupted("permission denied")
    with pytest.raises(EngineRefusal, match="permission denied"):
        Probes(refused, 1.0).mount(["office"])
    assert refused.probes == 1


@pytest.fixture
def listener():
    """A port of this host that takes connections, as long as there is room for them."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as server:
        yield Endpoint("127.0.0.1", server.getsockname()[1]), server


@pytest.fixture
def silent():
    """Two ports of this host that answer nothing: nobody takes their connections, and there is no room for more."""
    servers, waiting = [], []
    for _ in range(2):
        server = socket.create_server(("127.0.0.1", 0), backlog=0)
        servers.append(server)
        for _ in range(3):
            connection = socket.socket()
            connection.setblocking(False)
            connection.connect_ex(server.getsockname())
            waiting.append(connection)
    yield [Endpoint("127.0.0.1", server.getsockname()[1]) for server in servers]
    for one in (*servers, *waiting):
        one.close()


def test_a_server_is_asked_once_however_often_it_is_needed(listener):
    endpoint, server = listener
    servers = Servers(5)
    assert servers.silent([endpoint, endpoint]) == {}
    server.accept()
    assert servers.silent([endpoint]) == {}
    server.settimeout(0.2)
    with pytest.raises(socket.timeout):
        server.accept()


def test_why_a_server_takes_no_connection_is_told(listener):
    endpoint, server = listener
    server.close()
    odd = Endpoint("no..host", 2049)
    found = Servers(5).silent([endpoint, odd])
    assert found[endpoint] == "Connection refused"
    assert "its address cannot be found" in found[odd]


def test_several_servers_that_are_silent_cost_one_limit_together_and_none_again(silent):
    servers, started = Servers(1), time.monotonic()
    assert servers.silent(silent) == dict.fromkeys(silent, "no answer within 1 s")
    assert servers.silent(silent[:1]) == {silent[0]: "no answer within 1 s"}
    assert time.monotonic() - started < 1.9


def test_on_trial_the_temporary_volume_is_blamed_for_the_one_that_it_stands_for():
    on_trial = Mountable("app", recognise("local", {}), options={}, stand_in="berthage-probe-1")
    reason = "error while mounting volume '/var/lib/docker/volumes/berthage-probe-1/_data': no such device"
    assert blamed(reason, [LOCAL, on_trial]) == [on_trial]


def archive(*names):
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as made:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.type = tarfile.DIRTYPE
            made.addfile(entry)
    return content.getvalue()


def test_of_the_directories_in_an_archive_the_empty_ones_are_told():
    content = archive("v/", "v/0000/", "v/0001/", "v/0001/a", "v/0001/b/", "v/0001/b/c", "v/0002/")
    assert empty_directories(content, complete=True) == {"0000": True, "0001": False, "0002": True}


def test_of_the_last_directory_in_a_part_of_an_archive_only_what_is_in_it_tells():
    content = archive("v/", "v/0000/", "v/0001/", "v/0001/a", "v/0002/")
    assert empty_directories(content[: 4 * 512], complete=False) == {"0000": True, "0001": False}
    assert empty_directories(content[: 3 * 512], complete=False) == {"0000": True}
    assert empty_directories(content[: 3 * 512 + 100], complete=True) == {"0000": True}
    assert empty_directories(content[: 2 * 512], complete=False) == {}


def test_a_large_file_that_is_cut_off_shows_that_a_directory_is_not_empty():
    file = tarfile.TarInfo("v/0001/large")
    file.size = 10_000_000
    content = archive("v/", "v/0000/", "v/0001/")[: 3 * 512] + file.tobuf() + b"x" * 5000
    assert empty_directories(content, complete=False) == {"0000": True, "0001": False}


def test_a_directory_that_the_engine_could_not_list_is_not_taken_for_empty():
    assert empty_directories(archive(), complete=True) == {}
    assert empty_directories(archive("v/", "v/0001/"), complete=True) == {"0001": True}


def test_a_volume_that_the_engine_makes_for_a_probe_is_known_by_the_label():
    assert mount(0, "app", "mine")["VolumeOptions"]["Labels"] == {PROBE_LABEL: "mine"}
