# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes connections on a port, keeps them, and never says a word. Runs on a lab host."""

from __future__ import annotations

import socket
import sys

listener = socket.create_server(("", int(sys.argv[1])), backlog=100)
kept = []
while True:
    kept.append(listener.accept())
