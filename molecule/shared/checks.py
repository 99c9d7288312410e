# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several scenarios' tests need: another host than the one at hand, the engine's own words, and patience."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, TypeVar

import testinfra
from testinfra.host import Host
from testinfra.modules.ansible import AnsibleException

T = TypeVar("T")


@lru_cache(maxsize=None)
def node(name: str) -> Host:
    """A host of the scenario's lab, by its name."""
    return testinfra.get_host(f"ansible://{name}?ansible_inventory={inventory()}")


@lru_cache(maxsize=None)
def lab_variables() -> dict[str, Any]:
    """lab_name, lab_kind, lab_subnet, lab_gateway, lab_interface."""
    variables: dict[str, Any] = json.loads(inventory().read_text())["all"]["vars"]
    return variables


def inventory() -> Path:
    root = Path(__file__).resolve().parents[2]
    return root / ".cache" / "lab" / os.environ["MOLECULE_SCENARIO_NAME"] / "inventory.yml"


def run_playbook(name: str | Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a playbook on the scenario's lab as a user does, well or not; what it said is in `stdout`."""
    collections = os.environ.get("ANSIBLE_COLLECTIONS_PATH", inventory().parents[2] / "collections")
    return subprocess.run(
        # The lab comes last: its addresses win over those of another inventory.
        ["ansible-playbook", name, *arguments, "-i", inventory()],
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(collections),
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
            "ANSIBLE_NOCOLOR": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def docker_json(host: Host, *arguments: str) -> Any:
    """What `docker ARGUMENTS` prints as JSON (inspect commands)."""
    return json.loads(host.check_output("docker " + " ".join(shlex.quote(argument) for argument in arguments)))


def wait_for(look: Callable[[], T], *, seconds: float, pause: float = 1.0) -> T:
    """The first true value that `look` returns; after `seconds` the last one, for the caller's assert to show."""
    end = time.monotonic() + seconds
    value = look()
    while not value and time.monotonic() < end:
        time.sleep(pause)
        value = look()
    return value


def make_box_image(host: Host) -> None:
    """box:1, made of the host's own busybox, where the engine does not have it yet: there is no registry."""
    make = (
        "d=$(mktemp -d) && mkdir $d/bin && cp /bin/busybox $d/bin/ && chroot $d /bin/busybox --install -s /bin && "
        "tar -C $d -c . | docker import --change 'ENV PATH=/bin' --change 'CMD [\"sleep\",\"86400\"]' - box:1"
    )
    host.check_output(f"docker image inspect --format ok box:1 2>/dev/null || ({make})")


def power_cut(name: str) -> None:
    """Take the power from a host of the scenario's lab."""
    _lab("power-cut", name)


def power_on(name: str) -> None:
    """Start it again on what its disks held, and wait until it answers."""
    _lab("start", name)


def _lab(command: str, name: str) -> None:
    scenario = os.environ["MOLECULE_SCENARIO_NAME"]
    subprocess.run([sys.executable, "-m", "lab", command, scenario, name], check=True)


@lru_cache(maxsize=None)
def packed_module(host: Host, name: str) -> str:
    """The directory on a host where a module lies as Ansible packs it, for packed_module.py there.

    Ansible is made to leave it by a call that the module itself refuses before it looks at anything."""
    os.environ["ANSIBLE_KEEP_REMOTE_FILES"] = "1"
    try:
        host.ansible(name, '{"no_such_option": true}', check=True, become=False)
    except AnsibleException as failure:
        assert "no_such_option" in failure.result["msg"], failure.result
    finally:
        del os.environ["ANSIBLE_KEEP_REMOTE_FILES"]
    packed = host.check_output(f"ls -t /root/.ansible/tmp/*/AnsiballZ_{name.rpartition('.')[2]}.py | head -n 1")
    host.check_output(f"python3 {packed} explode")
    return f"{os.path.dirname(packed)}/debug_dir"
