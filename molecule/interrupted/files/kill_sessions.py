# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kill all that sessions of ssh left running on a host, but for the session that runs this."""

import os
import signal


def parents():
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as file:
                head, _, rest = file.read().rpartition(")")
        except OSError:
            continue
        found[int(name)] = (int(rest.split()[1]), head.partition("(")[2])
    return found


def ancestors(process, known):
    while process in known:
        yield process
        process = known[process][0]


known = parents()
own = set(ancestors(os.getpid(), known))
for process in known:
    line = list(ancestors(process, known))
    session = [each for each in line[1:] if known[each][1] == "sshd"]
    # The first sshd is the listener; what has two of them above it belongs to a session.
    if len(session) >= 2 and known[process][1] != "sshd" and not own & {process} and session[0] not in own:
        try:
            os.kill(process, signal.SIGKILL)
            print(process, known[process][1])
        except ProcessLookupError:
            pass
