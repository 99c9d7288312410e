# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A socket between a module and its engine, at which things go wrong on demand.

Runs on a lab host, with nothing but Python. It passes every request on to the engine, counts those of each process, and
at the n-th one strikes once:

- `kill`: SIGKILL for the process that asked (known by the socket's peer credentials), so that the module has no chance
  to tidy up;
- `hold`: the request waits until it is released, if ever, so that a test can restart the engine meanwhile;
- `cut`: the connection is closed without an answer.

Each of them either `before` the request reaches the engine, or `after` the engine has carried it out and before the
answer is passed on: asked, done and never heard.

    python3 engine_proxy.py serve &                           # listens on /run/engine-proxy.sock
    python3 engine_proxy.py arm --do kill --when after --at 3
    ... a module with docker_host: unix:///run/engine-proxy.sock ...
    python3 engine_proxy.py state                             # the requests of each process, and where it struck
    python3 engine_proxy.py struck                            # the same of the strike, as soon as it has happened
    python3 engine_proxy.py release [--cut]                   # lets a held request go on, or closes its connection

`--of REGEX` counts only requests such as `DELETE /v1.41/volumes/x?force=0` that match. Arming starts the count anew; a
script on the same host does the same by the functions here. Connections that are hijacked (attach, exec) are
not passed on.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import signal
import socket
import socketserver
import struct
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Iterator

LISTEN = "/run/engine-proxy.sock"
ENGINE = "/var/run/docker.sock"

_CONTROL = "/engine-proxy/"
_PASSED_ON_ANEW = ("connection", "keep-alive", "transfer-encoding", "content-length", "expect")
_ENOUGH_OF_AN_ANSWER = 1 << 20  # bytes that are read before a request counts as carried out; a stream may never end


def arm(do: str, at: int, when: str = "before", of: str = "", listen: str = LISTEN) -> None:
    """Strike at the n-th request (`at`, from 1) of a process, of those that match `of`. Counting starts anew."""
    _control("PUT", "fault", {"do": do, "at": at, "when": when, "of": of}, listen)


def disarm(listen: str = LISTEN) -> None:
    """Only count, from now on and anew."""
    _control("PUT", "fault", None, listen)


def state(listen: str = LISTEN) -> dict:
    """`requests`: what each process has asked, in order; `struck`: process and request, or None; `under_way`: how many
    requests have no answer yet."""
    return _control("GET", "state", None, listen)


def settle(seconds: float = 30, listen: str = LISTEN) -> dict:
    """The state as soon as the engine works on no request any more, also on none of a process that is gone."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = state(listen)
        if not found["under_way"]:
            return found
        time.sleep(0.01)
    raise TimeoutError(f"requests are under way after {seconds:g} s")


def release(cut: bool = False, listen: str = LISTEN) -> None:
    """Let a held request go on, or close its connection without an answer, as an engine does that is restarted."""
    _control("PUT", "release", {"cut": cut}, listen)


def wait_until_struck(seconds: float = 30, listen: str = LISTEN) -> dict:
    """What was struck, as soon as that has happened."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        struck = state(listen)["struck"]
        if struck:
            return struck
        time.sleep(0.02)
    raise TimeoutError(f"no request was struck within {seconds:g} s")


class Proxy(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves until it is shut down. The fault and the counts are shared by all connections."""

    daemon_threads = True
    request_queue_size = 100

    def __init__(self, listen: str = LISTEN, engine: str = ENGINE) -> None:
        if os.path.exists(listen):
            os.unlink(listen)
        self.engine = engine
        self._lock = threading.Lock()
        self._under_way = 0
        self.set_fault(None)
        super().__init__(listen, _Relay)

    def set_fault(self, fault: dict | None) -> None:
        with self._lock:
            self._fault = fault
            self._requests: dict[int, list[str]] = {}
            self._counts: dict[int, int] = {}
            self._struck: dict | None = None
            self.released = threading.Event()
            self.cut = False

    def strikes(self, process: int, request: str) -> dict | None:
        """Count a request. The fault, if this is the request that it is meant for."""
        with self._lock:
            self._requests.setdefault(process, []).append(request)
            fault = self._fault
            if fault is None or self._struck is not None or not re.search(fault["of"], request):
                return None
            self._counts[process] = self._counts.get(process, 0) + 1
            if self._counts[process] != fault["at"]:
                return None
            self._struck = {"process": process, "request": request}
            return fault

    def state(self) -> dict:
        with self._lock:
            return {"requests": self._requests, "struck": self._struck, "under_way": self._under_way}

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """While a request has no answer."""
        with self._lock:
            self._under_way += 1
        try:
            yield
        finally:
            with self._lock:
                self._under_way -= 1


class _Relay(BaseHTTPRequestHandler):
    """One connection of a client: its requests, one after the other, each on a fresh connection to the engine."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, http.client.HTTPException):
            self.close_connection = True  # the client has gone, or the engine has: there is nobody to answer

    def relay(self) -> None:
        body = self._body()
        if self.path.startswith(_CONTROL):
            self._obey(self.path[len(_CONTROL) :], body)
        else:
            with self.server.one_more():
                self._relay(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = relay  # noqa: N815 # http.server's names

    def _relay(self, body: bytes) -> None:
        process = self._client_process()
        fault = self.server.strikes(process, f"{self.command} {self.path}")
        if fault and fault["when"] == "before" and self._strike(fault, process):
            return
        engine = _Connection(self.server.engine)
        try:
            answer = self._ask(engine, body)
            beginning = b""
            if fault and fault["when"] == "after":
                beginning = answer.read(_ENOUGH_OF_AN_ANSWER)
                if self._strike(fault, process):
                    return
            self._pass_on(answer, beginning)
        finally:
            engine.close()

    def _strike(self, fault: dict, process: int) -> bool:
        """Whether that was the end of this request."""
        if fault["do"] == "hold":
            self.server.released.wait()
            if not self.server.cut:
                return False
        elif fault["do"] == "kill":
            os.kill(process, signal.SIGKILL)
        self.close_connection = True
        return True

    def _client_process(self) -> int:
        credentials = self.connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return struct.unpack("3i", credentials)[0]

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            if size == 0:
                break
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass  # trailers
        return b"".join(parts)

    def _ask(self, engine: _Connection, body: bytes) -> http.client.HTTPResponse:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _PASSED_ON_ANEW}
        engine.request(self.command, self.path, body or None, headers)
        return engine.getresponse()

    def _pass_on(self, answer: http.client.HTTPResponse, beginning: bytes) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _PASSED_ON_ANEW:
                self.send_header(name, value)
        has_body = self.command != "HEAD" and answer.status not in (204, 304)
        length = answer.getheader("Content-Length")
        if length is not None:
            self.send_header("Content-Length", length)
        elif has_body:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if not has_body:
            return
        part = beginning or answer.read1(1 << 16)
        while part:
            self.wfile.write(part if length is not None else b"%x\r\n%s\r\n" % (len(part), part))
            part = answer.read1(1 << 16)
        if length is None:
            self.wfile.write(b"0\r\n\r\n")

    def _obey(self, what: str, body: bytes) -> None:
        if what == "fault":
            self.server.set_fault(json.loads(body))
        elif what == "release" and not self.server.released.is_set():
            self.server.cut = json.loads(body)["cut"]
            self.server.released.set()
        answer = json.dumps(self.server.state()).encode()
        self.send_response_only(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: `state` tells what was asked."""


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self._path)


def _control(method: str, what: str, body: object, listen: str) -> dict:
    connection = _Connection(listen)
    try:
        connection.request(method, _CONTROL + what, json.dumps(body))
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("command", choices=("serve", "arm", "disarm", "state", "settle", "struck", "release"))
    options.add_argument("--listen", default=LISTEN)
    options.add_argument("--engine", default=ENGINE)
    options.add_argument("--do", choices=("kill", "hold", "cut"), default="kill")
    options.add_argument("--when", choices=("before", "after"), default="before")
    options.add_argument("--at", type=int, default=1)
    options.add_argument("--of", default="")
    options.add_argument("--cut", action="store_true", help="with release: close the connection instead")
    given = options.parse_args()
    if given.command == "serve":
        Proxy(given.listen, given.engine).serve_forever(poll_interval=0.1)
    elif given.command == "arm":
        arm(given.do, given.at, given.when, given.of, given.listen)
    elif given.command == "disarm":
        disarm(given.listen)
    elif given.command == "release":
        release(given.cut, given.listen)
    else:
        look = {"state": state, "settle": settle, "struck": wait_until_struck}[given.command]
        json.dump(look(listen=given.listen), sys.stdout)


if __name__ == "__main__":
    main()
