# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a connection that is not there, or breaks, is called. Nothing here speaks for an engine."""

from __future__ import annotations

import socket
import threading

import docker
import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._engine import (
    ENGINE_ARGUMENTS,
    Engine,
    EngineLost,
    EngineTimeout,
    EngineUnreachable,
)


def engine(address: str) -> Engine:
    return Engine(docker.APIClient(base_url=address, version="1.41", timeout=5), address)


@pytest.fixture
def listener(tmp_path):
    """A socket that takes connections, and what is done with each of them."""
    path = str(tmp_path / "socket")
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()

    def serve(handle) -> str:
        threading.Thread(target=lambda: handle(server.accept()[0]), daemon=True).start()
        return f"unix://{path}"

    yield serve
    server.close()


def test_where_nobody_listens_nothing_can_have_happened(tmp_path):
    with pytest.raises(EngineUnreachable, match="the socket does not exist") as error:
        engine(f"unix://{tmp_path}/none").delete("/volumes/app")
    assert not error.value.may_have_happened


def test_where_a_connection_is_refused_nothing_can_have_happened():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{unused.getsockname()[1]}"
    with pytest.raises(EngineUnreachable, match="no Docker engine answers") as error:
        engine(address).delete("/volumes/app")
    assert not error.value.may_have_happened


def test_a_connection_that_breaks_leaves_open_what_has_happened(listener):
    def break_off(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.close()

    with pytest.raises(EngineLost, match=r"whether it did DELETE /volumes/app is not known.*run again") as error:
        engine(listener(break_off)).delete("/volumes/app")
    assert error.value.may_have_happened


def test_an_engine_that_is_silent_costs_the_limit_of_the_call(listener):
    silent = listener(lambda connection: connection.recv(1000) and threading.Event().wait(20))
    with pytest.raises(EngineTimeout, match=r"did not answer GET /volumes within 0\.2 s"):
        engine(silent).get("/volumes", timeout=0.2)


@pytest.mark.parametrize("address", ["ssh://nobody@127.0.0.1:1", "tcp://127.0.0.1:1", "unix:///nowhere", "odd://x"])
def test_no_engine_is_said_in_one_line_however_it_is_reached(address):
    options = {name: option.get("default") for name, option in ENGINE_ARGUMENTS.items()}
    with pytest.raises(EngineUnreachable) as error:
        Engine.connect({**options, "docker_host": address})
    assert len(str(error.value).splitlines()) == 1
