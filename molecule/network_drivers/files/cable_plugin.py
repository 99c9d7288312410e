#!/usr/bin/python3
# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network plugin as small as one can be: each network a bridge of the host, each endpoint a pair of interfaces.

It speaks the protocol of remote drivers, JSON over HTTP on a socket where engines look for plugins:
https://github.com/moby/moby/blob/master/daemon/libnetwork/docs/remote.md
"""

from __future__ import annotations

import json
import os
import socketserver
import subprocess
from http.server import BaseHTTPRequestHandler
from typing import Any

SOCKET = "/run/docker/plugins/cable.sock"
COLOURS = ("blue", "red")


class Refused(Exception):
    """What the engine passes on to whoever asked."""


def create_network(request: dict[str, Any]) -> dict[str, Any]:
    for option, value in (request["Options"].get("com.docker.network.generic") or {}).items():
        if option != "colour" or value not in COLOURS:
            raise Refused(f"no such cable: {option}={value}")
    bridge = bridge_of(request)
    ip("link", "add", bridge, "type", "bridge")
    ip("link", "set", bridge, "up")
    return {}


def delete_network(request: dict[str, Any]) -> dict[str, Any]:
    ip("link", "delete", bridge_of(request))
    return {}


def join(request: dict[str, Any]) -> dict[str, Any]:
    outside, inside = ends_of(request)
    ip("link", "add", outside, "type", "veth", "peer", "name", inside)
    ip("link", "set", outside, "master", bridge_of(request), "up")
    return {"InterfaceName": {"SrcName": inside, "DstPrefix": "cable"}}


def leave(request: dict[str, Any]) -> dict[str, Any]:
    ip("link", "delete", ends_of(request)[0])
    return {}


ANSWERS = {
    "/Plugin.Activate": lambda _request: {"Implements": ["NetworkDriver"]},
    "/NetworkDriver.GetCapabilities": lambda _request: {"Scope": "local", "ConnectivityScope": "local"},
    "/NetworkDriver.CreateNetwork": create_network,
    "/NetworkDriver.DeleteNetwork": delete_network,
    "/NetworkDriver.CreateEndpoint": lambda _request: {"Interface": {}},
    "/NetworkDriver.EndpointOperInfo": lambda _request: {"Value": {}},
    "/NetworkDriver.Join": join,
    "/NetworkDriver.Leave": leave,
}


def bridge_of(request: dict[str, Any]) -> str:
    return f"cb{request['NetworkID'][:10]}"


def ends_of(request: dict[str, Any]) -> tuple[str, str]:
    endpoint = request["EndpointID"][:10]
    return f"co{endpoint}", f"ci{endpoint}"


def ip(*arguments: str) -> None:
    done = subprocess.run(["ip", *arguments], stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Refused(done.stderr.strip())


class Plugin(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            answer = ANSWERS.get(self.path, lambda _request: {})(json.loads(text or "{}"))
        except Refused as refusal:
            answer = {"Err": str(refusal)}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/vnd.docker.plugins.v1.1+json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "engine"  # a socket of this kind has no address to log


if __name__ == "__main__":
    os.makedirs(os.path.dirname(SOCKET), exist_ok=True)
    if os.path.exists(SOCKET):
        os.unlink(SOCKET)
    socketserver.ThreadingUnixStreamServer(SOCKET, Plugin).serve_forever()
