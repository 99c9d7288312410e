# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `reset_options` leaves alone, on both releases of GlusterFS: the options of the pool and of geo-replication."""

from __future__ import annotations

import pytest
from checks import node
from module_calls import module

testinfra_hosts = ["ansible://node1"]

POOL_WIDE = "cluster.daemon-log-level"
GEO_REPLICATION = ("changelog.changelog", "geo-replication.indexing", "geo-replication.ignore-pid-check")


@pytest.fixture(params=[("node1", "second"), ("alone", "lone")], ids=["10.3", "11.1"])
def volume(request):
    name, volume = request.param
    host = node(name)
    yield host, name, volume
    host.run(f"gluster --mode=script volume reset all {POOL_WIDE}")
    for option in GEO_REPLICATION:
        host.run(f"gluster --mode=script volume reset {volume} {option} force")


def converge(volume, **declared):
    host, name, volume = volume
    declared = {"name": volume, "bricks": [f"{name}:/data/brick1/{volume}"], **declared}
    return module(host, "gluster_volumes", volumes=[declared])


def test_options_of_the_pool_and_of_geo_replication_stay(volume):
    host, _name, volume_name = volume
    # As `volume geo-replication ... create` sets them.
    of_the_session = dict.fromkeys(GEO_REPLICATION, "on")
    host.check_output(f"gluster --mode=script volume set all {POOL_WIDE} WARNING")
    host.check_output(
        f"gluster --mode=script volume set {volume_name} performance.cache-size 64MB "
        + " ".join(f"{option} {value}" for option, value in of_the_session.items())
    )

    reset = converge(volume, reset_options=True)
    assert not reset["failed"], reset
    assert [difference["field"] for difference in reset["volumes"][0]["drift"]] == ["options.performance.cache-size"]
    left = reset["volumes"][0]["options"]
    # Gluster lists it as if it were the volume's.
    assert left.items() >= {POOL_WIDE: "WARNING", **of_the_session}.items()
    assert "performance.cache-size" not in left
    assert not converge(volume, reset_options=True)["changed"]
    declared = converge(volume, options={POOL_WIDE: "WARNING"})
    assert declared["failed"] and f"options.{POOL_WIDE}: is an option of the whole pool" in declared["msg"]
