# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""writer.py in a container on a lab host, on a Docker volume."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks import node

PROGRAM = Path(__file__).with_name("writer.py")
DIRECTORY = "/root/writer"
# Python is the host's own, mounted where the image has links to it: there is no registry.
MAKE_IMAGE = (
    "docker image inspect --format ok host-python:1 2>/dev/null || (d=$(mktemp -d) && cd $d && mkdir usr log volume && "
    "ln -s usr/bin usr/lib usr/lib64 . && tar -c . | docker import - host-python:1)"
)


@dataclass(frozen=True)
class Writer:
    host: str
    volume: str
    # The directory of that volume on the host
    directory: str
    # Whether it opens its file for each record.
    anew: bool = False

    @property
    def container(self) -> str:
        return f"writer-{self.volume}{'-anew' if self.anew else ''}"

    @property
    def file(self) -> str:
        """What it writes to: one file for each host, so that writers on several hosts do not mix."""
        return f"records-{self.host}{'-anew' if self.anew else ''}"

    @property
    def log(self) -> str:
        return f"{DIRECTORY}/{self.container}.log"

    def start(self) -> None:
        """Begin with empty files. The engine starts it again by itself, as it does with a service that matters."""
        program = base64.b64encode(PROGRAM.read_bytes()).decode()
        self.stop()
        node(self.host).check_output(
            f"{MAKE_IMAGE}; mkdir -p {DIRECTORY} && echo {program} | base64 -d > {DIRECTORY}/writer.py && "
            f"rm -f {self.log} {self.directory}/{self.file} && "
            f"docker run --detach --name {self.container} --restart always --init "
            f"-v {self.volume}:/volume -v {DIRECTORY}:/log -v /usr:/usr:ro host-python:1 "
            f"/usr/bin/python3 /log/writer.py write /volume/{self.file} /log/{self.container}.log "
            f"{'anew' if self.anew else ''}"
        )

    def stop(self) -> None:
        node(self.host).run(f"docker rm --force {self.container}")

    def now(self) -> float:
        """The host's own clock."""
        return float(node(self.host).check_output("date +%s.%N"))

    def summary(self, since: float = 0) -> dict[str, Any]:
        """What the log says by now, of the time since then; see writer.py."""
        found: dict[str, Any] = self._program("summary", self.log, str(since))
        return found

    def goes_on_after_errors(self, since: float) -> bool:
        """Whether it met errors since then, and its latest record is acknowledged."""
        seen = self.summary(since)
        return bool(seen["errors"] and seen["last"] == "ack")

    def lost(self) -> list[int]:
        """The acknowledged numbers that who reads the volume does not find; waits while the volume does not answer."""
        found: list[int] = self._program("lost", f"{self.directory}/{self.file}", self.log)
        return found

    def lost_on(self, host: str, directory: str) -> list[int]:
        """The numbers acknowledged by now that a copy of the file on a host lacks."""
        log = node(self.host).check_output(f"cat {self.log}")
        records = node(host).check_output(f"cat {directory}/{self.file}")
        written = set(re.findall(r"^record (\d+)$", records, re.MULTILINE))
        return [int(number) for number in re.findall(r"^ack (\d+) ", log, re.MULTILINE) if number not in written]

    def _program(self, *arguments: str) -> Any:
        words = " ".join(arguments)
        return json.loads(node(self.host).check_output(f"timeout 120 python3 {DIRECTORY}/writer.py {words}"))
