# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume plugin whose mounts hang while /run/plugin-hangs exists, as those of a dead server do. Runs on a lab host.

It is the engine's plugin protocol (https://docs.docker.com/engine/extend/plugins_volume/) over the socket
/run/docker/plugins/hanging.sock; its volumes are directories in /srv/plugin.
"""

from __future__ import annotations

import json
import os
import shutil
import socketserver
import time
from http.server import BaseHTTPRequestHandler

SOCKET = "/run/docker/plugins/hanging.sock"
ROOT = "/srv/plugin"
HANGS = "/run/plugin-hangs"


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class Plugin(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        answer = json.dumps(self.answer(self.path, asked.get("Name", ""))).encode()
        self.send_response_only(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def answer(self, what: str, name: str) -> dict:
        volume = os.path.join(ROOT, name)
        if what == "/Plugin.Activate":
            return {"Implements": ["VolumeDriver"]}
        if what == "/VolumeDriver.Capabilities":
            return {"Capabilities": {"Scope": "local"}}
        if what == "/VolumeDriver.List":
            return {"Volumes": [{"Name": found, "Mountpoint": os.path.join(ROOT, found)} for found in os.listdir(ROOT)]}
        if what == "/VolumeDriver.Create":
            os.makedirs(volume, exist_ok=True)
        elif not os.path.isdir(volume):
            return {"Err": f"no volume {name}"}
        elif what == "/VolumeDriver.Get":
            return {"Volume": {"Name": name, "Mountpoint": volume}}
        elif what == "/VolumeDriver.Remove":
            shutil.rmtree(volume)
        elif what == "/VolumeDriver.Mount":
            while os.path.exists(HANGS):
                time.sleep(0.1)
        return {"Mountpoint": volume}

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


os.makedirs(ROOT, exist_ok=True)
os.makedirs(os.path.dirname(SOCKET), exist_ok=True)
if os.path.exists(SOCKET):
    os.unlink(SOCKET)
Server(SOCKET, Plugin).serve_forever()
