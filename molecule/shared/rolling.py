# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What scenarios share that take the hosts of a GlusterFS pool away one by one: a writer on the volume gv0."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator

from checks import node, wait_for
from module_calls import module

PROGRAM = Path(__file__).parent / "rolling_writer_program.py"


@dataclass
class Written:
    """What a writer says when it has ended."""

    acknowledged: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    pause: float = 0.0

    def __str__(self) -> str:
        return (
            f"{len(self.acknowledged)} files written meanwhile, longest pause {self.pause:.1f} s, "
            f"{len(self.errors)} errors {self.errors[:3]}"
        )


@contextmanager
def a_writer(name: str, pause: float = 0.05) -> Iterator[Written]:
    """Writes small files with fsync, on this host, through a mount of its own, with so many seconds in between."""
    host, written = node(name), Written()
    host.check_output("mkdir -p /mnt/rolling /root/writer && rm -rf /root/writer/*")
    mount = "mount -t glusterfs -o backup-volfile-servers=node2:node3 node1:/gv0 /mnt/rolling"
    host.check_output(f"mountpoint -q /mnt/rolling || {mount}")
    host.check_output("mkdir -p /mnt/rolling/written && rm -rf /mnt/rolling/written/*")
    host.check_output(f"cat > /root/writer.py <<'END'\n{PROGRAM.read_text()}\nEND")
    words = f"/mnt/rolling/written /root/writer/record {pause}"
    host.check_output(f"systemd-run --unit=writer --collect python3 /root/writer.py {words} 2>&1")
    try:
        assert wait_for(lambda: host.run("grep -q . /root/writer/record").rc == 0, seconds=60)
        yield written
    finally:
        host.check_output("touch /root/writer/STOP")
        assert wait_for(lambda: host.run("systemctl is-active --quiet writer").rc != 0, seconds=120)
    lines = host.check_output("cat /root/writer/record").splitlines()
    written.errors = [line for line in lines if line.startswith("error")]
    good = [line.split() for line in lines if not line.startswith("error")]
    written.acknowledged = [int(number) for number, _seconds in good]
    written.pause = max(float(seconds) for _number, seconds in good)


def nothing_is_lost(written: Written, members: tuple[str, ...], brick: str) -> None:
    """Every file that was acknowledged is whole in every copy."""
    wanted = {f"file-{each}": f"content {each}" for each in written.acknowledged}
    for name in members:
        text = node(name).check_output(f"cd {brick}/written && grep . file-*")
        assert dict(line.split(":", 1) for line in text.splitlines()) == wanted


def problems() -> list[dict[str, str]]:
    """What gluster_info has to tell about pool, bricks and heals."""
    result = module(node("node1"), "gluster_info", gather=["bricks", "heal"])
    return result.get("problems", [{"message": result.get("msg", "no answer")}])
