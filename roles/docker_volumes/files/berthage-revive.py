# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Written by the role berthage.swarm.docker_volumes.
"""Revive the containers that use one GlusterFS mount.

Usage: berthage-revive MOUNT_POINT, as berthage-revive@.service has it.

- A mount whose client has ended (killed, crashed) is dead, and stays so for whoever has it open. It is taken away, and
  mounted anew; where that does not succeed at once, berthage-remount@.service goes on trying. Then the containers that
  hold the dead one are all stopped and started again; of its own tasks the Swarm makes others.
- A container that Docker could not start because the mount was not there is started, if its restart policy is for it.

What was stopped here is remembered in /var/lib/berthage-revive until it runs again.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

SOCKET = "/run/docker.sock"
REMEMBERED = "/var/lib/berthage-revive"
EVERY = 1.0
# The pause after Docker could not be asked, or refused.
AFTER_REFUSAL = 5.0
# How often mounting is tried from here, look by look. systemd may not have noticed yet that the dead one is gone, and
# then takes it for mounted; more than five failures in ten seconds it would hold against the unit.
MOUNT_TRIES = 3
SWARM_TASK = "com.docker.swarm.task.id"
SECONDS_TO_STOP = 10
# How long Docker may take to answer: a start waits for the container's other mounts, of which a server may be gone.
ANSWERS_WITHIN = 90
# A new task of the Swarm may get the dead mount as well, as long as another one holds it.
ROUNDS = 10
STOPPED_AT_ONCE = 16
WANTS_TO_RUN = ("always", "unless-stopped", "on-failure")


def main(point):
    keeper = Keeper(point, Engine(SOCKET))
    while True:
        time.sleep(EVERY if keeper.look() else AFTER_REFUSAL)


class Keeper:
    def __init__(self, point, engine):
        self.point = point
        self.engine = engine
        self.file = os.path.join(REMEMBERED, quote(point, safe="") + ".json")
        self.client = None
        self.mount_tries = 0
        self.complaint = ""
        # The mount that containers were compared with, and the process of its client, since the kernel gives the
        # numbers of one that is gone to the next: none, so that what happened before this program began counts.
        self.compared = None

    def look(self):
        """Do what is needed now. Whether Docker did what it was asked, if it was."""
        device = mounted_device(self.point)
        if device is not None and self.client_has_ended():
            say(f"the client of {self.point} has ended: the dead mount is taken away")
            subprocess.run(["umount", "--lazy", self.point], check=False)
            self.compared = None
            self.mount_tries = MOUNT_TRIES
            device = mounted_device(self.point)
        if device is None:
            self.compared = None
            if self.mount_tries:
                self.mount_tries -= 1
                subprocess.run(["systemctl", "--quiet", "--no-block", "start", self.point], check=False)
            return True
        mount = (device, self.client)
        if mount == self.compared and not self.remembered():
            return True
        if answers_not_connected(self.point):
            # Its client lives, and reaches no brick: then no holder of a dead mount can be told from one of this one.
            return True
        try:
            self.stop_who_holds_a_dead_mount()
            refusals = [*self.start_who_was_stopped(), *self.start_who_could_not_be_started()]
        except (OSError, http.client.HTTPException, EngineRefusal) as error:
            # The engine may still be starting.
            refusals = [str(error)]
        if refusals:
            self.complain(f"Docker cannot be asked, or refuses, and is asked again: {'; '.join(refusals)}")
            return False
        self.complaint = ""
        self.compared = mount
        return True

    def client_has_ended(self):
        """Whether no client serves the mount. A mount that merely answers slowly, or with errors, has one."""
        if self.client is None or not serves(self.client, self.point):
            self.client = next((process for process in processes() if serves(process, self.point)), None)
        return self.client is None and answers_not_connected(self.point)

    def stop_who_holds_a_dead_mount(self):
        devices = self.engine.volume_devices()
        for _round in range(ROUNDS):
            holders = [
                container
                for container in self.engine.running()
                if any(
                    answers_not_connected(f"/proc/{self.engine.process_of(container)}/root{destination}")
                    for destination in destinations(container, devices, self.point)
                )
            ]
            if not holders:
                return
            # All of them, before any is started: the engine mounts a volume once for all containers that have it.
            for container in holders:
                name = container["Names"][0].lstrip("/")
                if SWARM_TASK not in container["Labels"]:
                    self.remember([*self.remembered(), container["Id"]])
                say(f"stopping {name}, which holds the dead mount of {self.point}")
            # One that does not react keeps the others waiting until it is killed, but not one after the other.
            with ThreadPoolExecutor(STOPPED_AT_ONCE) as pool:
                list(pool.map(self.engine.stop, [container["Id"] for container in holders]))
        raise EngineRefusal(f"after {ROUNDS} rounds there are still containers that hold the dead mount")

    def start_who_was_stopped(self):
        """Start each of them that can be, whatever becomes of the others; the refusals."""
        for identity in self.remembered():
            try:
                self.engine.start(identity)
            except EngineRefusal as refusal:
                yield str(refusal)
                continue
            say(f"started {identity[:12]}, which was stopped here")
            self.remember([other for other in self.remembered() if other != identity])

    def start_who_could_not_be_started(self):
        """The same for those that Docker could not start without the mount."""
        for container in self.engine.not_running():
            if not waits_for(self.engine.inspect(container["Id"]), self.point):
                continue
            try:
                self.engine.start(container["Id"])
            except EngineRefusal as refusal:
                yield str(refusal)
                continue
            say(f"started {container['Names'][0].lstrip('/')}, which Docker could not start without {self.point}")

    def complain(self, text):
        """Say it once, however often it is met in a row."""
        if text != self.complaint:
            say(text)
        self.complaint = text

    def remembered(self):
        try:
            with open(self.file, encoding="utf-8") as file:
                return json.load(file)
        except FileNotFoundError:
            return []

    def remember(self, identities):
        os.makedirs(REMEMBERED, exist_ok=True)
        with open(self.file + ".new", "w", encoding="utf-8") as file:
            json.dump(identities, file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(self.file + ".new", self.file)


def destinations(container, devices, point):
    """Where a container has what lies below the mount point. `devices` are those of volumes, by their names."""
    for mount in container["Mounts"]:
        source = devices.get(mount.get("Name"), "") if mount["Type"] == "volume" else mount.get("Source", "")
        if f"{source}/".startswith(f"{point}/"):
            yield mount["Destination"]


def waits_for(inspected, point):
    """Whether a container should run, and Docker could not start it for something that is below the mount point."""
    state = inspected["State"]
    policy = inspected["HostConfig"]["RestartPolicy"]["Name"]
    return not state["Running"] and policy in WANTS_TO_RUN and f"{point}/" in state["Error"]


def mounted_device(point):
    """The device number of the GlusterFS mount on the point, from the table: looking at a dead one may hang."""
    found = None
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as table:
        for line in table:
            left, _separator, right = line.partition(" - ")
            fields = left.split(" ")
            if fields[4] == point and right.startswith("fuse.glusterfs "):
                found = fields[2]
    return found


def processes():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def serves(process, point):
    """Whether a process is the GlusterFS client of a mount point: its last argument."""
    try:
        with open(f"/proc/{process}/cmdline", "rb") as file:
            words = file.read().rstrip(b"\0").split(b"\0")
    except OSError:
        return False
    return words[0].endswith(b"glusterfs") and words[-1] == os.fsencode(point)


def answers_not_connected(path):
    try:
        os.statvfs(path)
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False


class EngineRefusal(Exception):
    pass


class Engine:
    """The few requests to Docker's own interface that are needed, without any library."""

    def __init__(self, path):
        self.path = path

    def running(self):
        return self.ask("GET", "/containers/json")

    def not_running(self):
        return self.ask("GET", "/containers/json?all=1&filters=" + quote('{"status": ["created", "exited"]}'))

    def inspect(self, identity):
        return self.ask("GET", f"/containers/{identity}/json")

    def process_of(self, container):
        return self.inspect(container["Id"])["State"]["Pid"]

    def volume_devices(self):
        volumes = self.ask("GET", "/volumes")["Volumes"] or []
        return {volume["Name"]: (volume["Options"] or {}).get("device", "") for volume in volumes}

    def stop(self, identity):
        self.ask("POST", f"/containers/{identity}/stop?t={SECONDS_TO_STOP}", gone_is_well=True)

    def start(self, identity):
        self.ask("POST", f"/containers/{identity}/start", gone_is_well=True)

    def ask(self, method, path, gone_is_well=False):
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(ANSWERS_WITHIN)
        try:
            connection.sock.connect(self.path)
            connection.request(method, path)
            answer = connection.getresponse()
            body = answer.read()
        except socket.timeout as error:
            # Of this one request: the daemon may well do the others.
            raise EngineRefusal(f"{method} {path}: no answer within {ANSWERS_WITHIN} s") from error
        finally:
            connection.close()
        # 304: it is already as wanted.
        if answer.status >= 400 and not (answer.status == 404 and gone_is_well):
            raise EngineRefusal(f"{method} {path}: {answer.status} {body.decode(errors='replace').strip()}")
        return json.loads(body) if body and method == "GET" else None


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
