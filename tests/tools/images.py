# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make what the hosts of scenarios start from, one image after the other, those that are wanted first at first.

    python tests/tools/images.py [--long] [NAME ...]

The gate runs it beside the static checks. It is only ahead of the scenarios: one that comes before its image makes it
itself, or waits for it, and one whose image cannot be made says why when it runs. So a failure here is told, and the
next image is begun.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from typing import NoReturn

from molecule_files import Hosts, hosts_of, scenarios_to_run


def main() -> int:
    parser = argparse.ArgumentParser(description="Make what the hosts of scenarios start from.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios; all of them if none is named")
    parser.add_argument("--long", action="store_true", help="also the scenarios that molecule/long.txt names")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, ended)
    begun = time.monotonic()
    wanted = distinct([hosts_of(name) for name in scenarios_to_run(arguments.names, arguments.long)])
    failed = [hosts for hosts in wanted if not made(hosts)]
    for hosts in failed:
        print(f"NOT made, as said above: {described(hosts)}")
    print(f"images: {len(wanted) - len(failed)} of {len(wanted)} are there after {time.monotonic() - begun:.0f} s")
    return 1 if failed else 0


def distinct(wanted: list[Hosts]) -> list[Hosts]:
    return list(dict.fromkeys(wanted))


def made(hosts: Hosts) -> bool:
    """Have the lab make the images of such hosts. Whether it could."""
    print(f"{described(hosts)}:", flush=True)
    command = [sys.executable, "-m", "lab", "images", f"--kind={hosts.kind}", f"--base={hosts.base}"]
    command += [f"--releases={','.join(hosts.releases)}", f"--packages={','.join(hosts.packages)}"]
    # A group of its own: whoever ends this program ends the builder's programs with it.
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        return process.wait() == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def described(hosts: Hosts) -> str:
    packages = f" with {', '.join(hosts.packages)}" if hosts.packages else ""
    return f"{hosts.kind} hosts, {hosts.base}, {' and '.join(hosts.releases)}{packages}"


def ended(*_arguments: object) -> NoReturn:
    raise SystemExit(f"ended by signal {signal.SIGTERM.name}")


if __name__ == "__main__":
    sys.exit(main())
