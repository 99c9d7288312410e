# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine and its host have, in one value that two moments can be compared by. Runs on a lab host."""

from __future__ import annotations

import http.client
import json
import os
import socket
import stat
import sys

PROBE = "berthage.swarm.probe"


class Engine:
    def __init__(self, address: str, paths: list) -> None:
        self._address = address
        self._paths = paths

    def state(self) -> dict:
        """`volumes` with options, labels, identity and files; `containers` and `images`: their labels; `paths`."""
        containers = self._ask("GET", "/containers/json?all=1")
        images = self._ask("GET", "/images/json?all=1")
        return {
            "volumes": {found["Name"]: _volume(found) for found in self._ask("GET", "/volumes")["Volumes"] or ()},
            "containers": {found["Id"]: found["Labels"] or {} for found in containers},
            "images": {found["Id"]: found["Labels"] or {} for found in images},
            "paths": {path: _directory(path) for path in self._paths},
        }

    def remove_probes(self) -> None:
        """What carries the label of probes, as if it had never been."""
        state = self.state()
        for kind in ("containers", "images", "volumes"):
            for found, about in state[kind].items():
                if PROBE in (about["labels"] if kind == "volumes" else about):
                    self._ask("DELETE", f"/{kind}/{found}?force=1")

    def remove_volumes(self, prefix: str) -> None:
        for found in self._ask("GET", "/volumes")["Volumes"] or ():
            if found["Name"].startswith(prefix):
                self._ask("DELETE", f"/volumes/{found['Name']}")

    def make_holder(self, name: str, labels: dict, data: str) -> None:
        """A volume that holds its data, with a file in it if there is any."""
        made = self._ask("POST", "/volumes/create", {"Name": name, "Labels": labels})
        if data:
            with open(os.path.join(made["Mountpoint"], "data"), "w", encoding="utf-8") as file:
                file.write(data)

    def _ask(self, method: str, path: str, body: object = None) -> object:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.connect(self._address)
            connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
            if answer.status >= 400:
                raise SystemExit(f"{method} {path}: {content!r}")
            return json.loads(content) if content else None
        finally:
            connection.close()


def _volume(found: dict) -> dict:
    # CreatedAt counts whole seconds, and two volumes are made within one. The engine makes a directory for each.
    made = os.stat(os.path.dirname(found["Mountpoint"]))
    return {
        "options": found.get("Options") or {},
        "labels": found.get("Labels") or {},
        "identity": [found["CreatedAt"], made.st_ino, made.st_mtime_ns],
        "files": _files(found["Mountpoint"]),
    }


def _files(directory: str) -> dict:
    found = {}
    for folder, _folders, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                found[os.path.relpath(path, directory)] = file.read()
    return found


def _directory(path: str) -> list | None:
    """Owner, group, mode, and what is in it."""
    try:
        there = os.stat(path)
    except FileNotFoundError:
        return None
    return [there.st_uid, there.st_gid, oct(stat.S_IMODE(there.st_mode)), _files(path)]


if __name__ == "__main__":
    json.dump(Engine("/var/run/docker.sock", sys.argv[1:]).state(), sys.stdout)
