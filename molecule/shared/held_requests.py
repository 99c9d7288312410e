# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stops a module at a request of its choice, so that a test can do something at just that moment.

The scenario's prepare.yml starts engine_proxy.py on the hosts, by tasks/engine_proxy.yml.
"""

from __future__ import annotations

import shlex
import threading
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator

from testinfra.host import Host

SOCKET = "unix:///run/engine-proxy.sock"


def proxy(host: Host, *arguments: str) -> str:
    """What engine_proxy.py's command says on the host."""
    return host.check_output(f"python3 /opt/faults/engine_proxy.py {' '.join(map(shlex.quote, arguments))}")


@contextmanager
def held(
    host: Host, when: str, request: str, call: Callable[..., dict[str, Any]], *arguments: Any, **options: Any
) -> Iterator[dict[str, Any]]:
    """The call (`volumes`, for one) under way, with the first request that matches held `before` or `after` the engine
    carries it out, until `proxy(host, "release")`; who does not do that has its connection cut at the end. Yields where
    the call's result is afterwards, with `seconds`."""
    proxy(host, "arm", "--do", "hold", "--when", when, "--of", request)
    result: dict[str, Any] = {}

    def run() -> None:
        started = time.monotonic()
        result.update(call(host, *arguments, docker_host=SOCKET, **options))
        result["seconds"] = time.monotonic() - started

    thread = threading.Thread(target=run)
    thread.start()
    try:
        proxy(host, "struck")
        yield result
    finally:
        proxy(host, "release", "--cut")
        thread.join(120)
        proxy(host, "disarm")
