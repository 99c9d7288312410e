# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declaration as sections of a Compose file. That Compose takes them is for molecule/volumes to prove."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.berthage.swarm.plugins.filter.compose_networks import compose_networks
from ansible_collections.berthage.swarm.plugins.filter.compose_volumes import compose_volumes

HUSH = "correcthorse"
OPTIONS = f"addr=10.0.0.9,username=u,password={HUSH}"
CIFS = {"name": "office", "driver_opts": {"type": "cifs", "device": "//f/s", "o": OPTIONS}}


@pytest.mark.parametrize("external", [True, "true", "yes"])
def test_what_exists_is_only_named(external):
    volumes = [{"name": "app", "nfs": {"server": "10.0.0.5", "path": "/srv"}}, {"name": "old", "state": "absent"}]
    assert compose_volumes(volumes, external) == {"app": {"name": "app", "external": True}}
    networks = [{"name": "front", "encrypted": True}, {"name": "old", "state": "absent"}]
    assert compose_networks(networks, external) == {"front": {"name": "front", "external": True}}


@pytest.mark.parametrize("external", [False, "false", "no"])
def test_in_full_a_volume_has_what_our_own_module_would_give_it(external):
    volumes = [
        {"name": "cache", "labels": {"team": "web", "public": True}},
        {"name": "app", "nfs": {"server": "10.0.0.5", "path": "/srv", "read_only": "true"}},
        {"name": "home", "driver": "rclone", "driver_opts": {"remote": "r:/home", "vfs": 1}},
        {"name": "old", "state": "absent"},
    ]
    assert compose_volumes(volumes, external) == {
        "cache": {"name": "cache", "driver": "local", "labels": {"team": "web", "public": "true"}},
        "app": {
            "name": "app",
            "driver": "local",
            "driver_opts": {"type": "nfs", "device": ":/srv", "o": "addr=10.0.0.5,nfsvers=4.2,ro"},
        },
        "home": {"name": "home", "driver": "rclone", "driver_opts": {"remote": "r:/home", "vfs": "1"}},
    }


def test_in_full_a_network_has_what_our_own_module_would_give_it():
    networks = [
        {"name": "front"},
        {
            "name": "back",
            "encrypted": "true",
            "attachable": True,
            "internal": True,
            "mtu": "1400",
            "subnets": [{"subnet": "10.2.0.0/24", "gateway": "10.2.0.1", "ip_range": "10.2.0.128/25"}],
        },
        {"name": "six", "driver": "bridge", "ipv6": True, "subnets": [{"subnet": "FD00::/64"}], "labels": {"n": 6}},
        {"name": "old", "state": "absent"},
    ]
    assert compose_networks(networks, external=False) == {
        "front": {"name": "front", "driver": "overlay"},
        "back": {
            "name": "back",
            "driver": "overlay",
            "driver_opts": {"encrypted": "true", "com.docker.network.driver.mtu": "1400"},
            "attachable": True,
            "internal": True,
            "ipam": {"config": [{"subnet": "10.2.0.0/24", "gateway": "10.2.0.1", "ip_range": "10.2.0.128/25"}]},
        },
        "six": {
            "name": "six",
            "driver": "bridge",
            "enable_ipv6": True,
            "ipam": {"config": [{"subnet": "fd00::/64"}]},
            "labels": {"n": "6"},
        },
    }


def test_an_unencrypted_network_never_has_the_key_that_encrypts():
    assert "driver_opts" not in compose_networks([{"name": "front", "encrypted": False}], external=False)["front"]


def test_a_dollar_stays_a_dollar_where_compose_puts_variables_in():
    volume = {"name": "www", "bind": {"path": "/srv/$www"}, "labels": {"price": "5$"}}
    found = compose_volumes([volume], external=False)["www"]
    assert (found["driver_opts"]["device"], found["labels"]["price"]) == ("/srv/$$www", "5$$")
    network = {"name": "front", "labels": {"price": "$5"}}
    assert compose_networks([network], external=False)["front"]["labels"] == {"price": "$$5"}


def test_a_volume_with_a_secret_is_named_and_never_written_out():
    assert compose_volumes([CIFS]) == {"office": {"name": "office", "external": True}}
    with pytest.raises(AnsibleFilterError, match=r"office, .*external=true") as refused:
        compose_volumes([CIFS], external=False)
    assert HUSH not in str(refused.value)


def test_what_the_modules_refuse_is_refused_here_in_the_same_words():
    with pytest.raises(AnsibleFilterError, match=r"app, nfs\.path: 'srv' is not absolute"):
        compose_volumes([{"name": "app", "nfs": {"server": "10.0.0.5", "path": "srv"}}])
    with pytest.raises(AnsibleFilterError, match="front, ipv6: the overlay"):
        compose_networks([{"name": "front", "ipv6": True}])
    with pytest.raises(AnsibleFilterError, match=r"front: unknown argument networks\.encryptd"):
        compose_networks([{"name": "front", "encryptd": True}])
    with pytest.raises(AnsibleFilterError, match="perhaps"):
        compose_networks([{"name": "front"}], external="perhaps")
