# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the role makes of a declaration, as Ansible itself templates it."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from ansible_collections.berthage.swarm.plugins.module_utils._gluster.cli import _too_slow

ROLE = Path(__file__).parents[3] / "roles/glusterfs"
HOSTS = {f"g{number}": {"ansible_host": f"192.0.2.1{number}"} for number in (1, 2, 3)}


def templated(*names: str, probe: str = "bricks=\nbricks_without=\n", **declared: Any) -> list[tuple[Any, ...]]:
    """Variables of the role's, as each host of a pool of three sees them."""
    variables = {
        **loaded("defaults"),
        **loaded("vars"),
        "glusterfs_nodes": list(HOSTS),
        "ansible_play_hosts": list(HOSTS),
        "hostvars": HOSTS,
        "__glusterfs_probe": {"stdout": probe, "stdout_lines": probe.splitlines()},
        **declared,
    }
    seen = []
    for host in HOSTS:
        templar = Templar(loader=DataLoader(), variables={**variables, "inventory_hostname": host})
        seen.append(tuple(templar.template(variables[name]) for name in names))
    return seen


def loaded(part: str) -> dict[str, Any]:
    loader = DataLoader()
    # ansible-core 2.19 templates only what comes from where templates may come from.
    trusted = "trusted_as_template" in inspect.signature(loader.load_from_file).parameters
    return dict(loader.load_from_file(f"{ROLE}/{part}/main.yml", **({"trusted_as_template": True} if trusted else {})))


def test_a_volume_is_open_to_others_only_where_somebody_is_named():
    declared = [
        {"name": "nothing"},
        {"name": "empty", "auth_allow": []},
        {"name": "unset", "auth_allow": None},
        {"name": "open", "auth_allow": ["*"]},
        {"name": "option", "auth_allow": [], "options": {"auth.allow": "192.0.2.7"}},
        {"name": "gone", "auth_allow": [], "state": "absent"},
    ]
    (first,), *_others = templated(
        "__glusterfs_declared", glusterfs_volumes=declared, glusterfs_clients=["192.0.2.0/28"]
    )

    allowed = {volume["name"]: volume.get("auth_allow") for volume in first}
    pool = ["192.0.2.11", "192.0.2.12", "192.0.2.13", "192.0.2.0/28"]
    assert allowed == {"nothing": pool, "empty": pool, "unset": pool, "open": ["*"], "option": [], "gone": []}


def test_each_host_looks_at_its_own_bricks_that_gluster_does_not_know_or_that_hold_nothing():
    bricks = ["g1:/data//one/", "192.0.2.12:/data/one", "g3:/data/one"]
    declared = [
        {"name": "gv0", "bricks": bricks},
        {"name": "more", "bricks": ["g1:/data/two", "G2.example:/data/two"]},
        {"name": "gone", "bricks": ["g1:/data/three"], "state": "absent"},
    ]
    names = ("__glusterfs_new_bricks", "__glusterfs_bricks_elsewhere")
    known = "bricks=/data/two /data/four \nbricks_without={}\n"
    seen = templated(*names, probe=known.format(""), glusterfs_volumes=declared)
    assert seen == [(["/data/one"], [])] * 3
    seen = templated(*names, probe=known.format("/data/two /data/four "), glusterfs_volumes=declared)
    assert seen == [(["/data/one", "/data/two"], []), (["/data/one"], []), (["/data/one"], [])]

    # Where gluster would take any directory, those that nobody looks at matter, to the one that speaks for the pool.
    seen = templated(*names, glusterfs_volumes=declared, glusterfs_allow=["replace_brick"])
    strange = {"host": "g2.example", "path": "/data/two"}
    assert seen == [(["/data/one", "/data/two"], [strange]), (["/data/one"], []), (["/data/one"], [])]


def test_what_the_pool_said_of_lost_hosts_is_known_also_when_the_one_that_asked_has_failed():
    said = {"g3": {"uuid": "of-g3"}}
    asked = {"g1": {"stdout": json.dumps(said)}, "g2": {"skipped": True}, "g3": {"skipped": True}}
    hosts = {name: {**its, "__glusterfs_asked": asked[name]} for name, its in HOSTS.items()}
    seen = templated(
        "__glusterfs_rebuilt", hostvars=hosts, ansible_play_hosts=["g2", "g3"], ansible_play_hosts_all=list(HOSTS)
    )
    assert seen == [(said,)] * 3

    hosts["g1"]["__glusterfs_asked"] = {"stdout": "", "failed": True}
    names = ("__glusterfs_answer", "__glusterfs_rebuilt")
    assert templated(*names, hostvars=hosts, ansible_play_hosts_all=list(HOSTS)) == [("", {})] * 3


def test_volumes_are_declared_started_unless_they_say_otherwise():
    declared = [
        {"name": "says-nothing"},
        {"name": "gone", "state": "absent"},
        {"name": "says-so", "state": "started"},
        {"name": "stopped", "state": "stopped"},
    ]
    seen = templated("__glusterfs_declared_started", glusterfs_volumes=declared)
    assert seen == [(["says-nothing", "says-so"],)] * 3


def test_hosts_that_trust_another_authority_than_the_one_that_would_sign_are_found():
    one, other = "0a" * 32, "0b" * 32
    names = ("__glusterfs_tls_authority", "__glusterfs_tls_strangers", "__glusterfs_tls_holders")

    def found(signs: str, **trusts: str) -> tuple[Any, ...]:
        """g1 signs. g2 is in this play, where it has looked; g3 was asked, and so was `gone`, which did not answer."""
        hosts = {
            "g1": {},
            "g2": {"__glusterfs_tls_looked": {"stdout": f"fine\ntrusts= {trusts['g2']}  \nsigns=\nend="}},
        }
        asked = [
            {"item": "g1", "stdout": f"trusts= \nsigns={signs}\nend="},
            {"item": "g3", "stdout": f"trusts= {trusts['g3']} \nsigns={other}\nend="},
            {"item": "gone", "unreachable": True},
        ]
        (seen, *_others) = templated(
            *names, hostvars={**HOSTS, **hosts}, ansible_play_hosts=["g2"], __glusterfs_tls_asked={"results": asked}
        )
        return seen

    assert found(one, g2=one, g3=one) == (one, [], ["g3"])
    # Two of them are trusted while one takes the place of the other.
    assert found(one, g2=f"{other} {one}", g3="") == (one, [], ["g3"])
    assert found(one, g2=one, g3=other) == (one, ["g3"], ["g3"])
    # Lost, with the certificates still there; and not made yet.
    assert found("", g2=one, g3=one) == ("", ["g2", "g3"], ["g3"])
    assert found("", g2="", g3="") == ("", [], ["g3"])


def test_a_pool_minds_only_the_authorities_of_its_own_hosts():
    """Clients of two pools in one play, each pool with an authority of its own."""
    mine, theirs = "a" * 64, "b" * 64
    hosts = {
        "g2": {"__glusterfs_tls_looked": {"stdout": f"fine\ntrusts= {mine}\nsigns=\nend="}},
        "elsewhere": {"__glusterfs_tls_looked": {"stdout": f"fine\ntrusts= {theirs}\nsigns=\nend="}},
    }
    asked = [{"item": "g1", "stdout": f"trusts= \nsigns={mine}\nend="}]

    seen = templated(
        "__glusterfs_tls_strangers",
        hostvars={**HOSTS, **hosts},
        ansible_play_hosts=["g2", "elsewhere"],
        __glusterfs_tls_asked={"results": asked},
    )
    assert seen == [([],)] * 3


def test_what_a_creation_left_is_taken_back_unless_it_may_still_happen():
    def taken_back(message: str, identity: str | None = None) -> Any:
        outcome = {"name": "gv0", "action": "create", "id": identity, "message": message}
        declared = [{"name": "gv0", "bricks": ["g1:/data/gv0", "g2:/data/gv0"]}]
        seen = templated(
            "__glusterfs_refused_bricks",
            glusterfs_volumes=declared,
            glusterfs_result={"msg": message, "volumes": [outcome]},
        )
        return seen[0][0]

    assert taken_back("g1:/data/gv0 would lie on the root file system") == ["/data/gv0"]
    assert taken_back(_too_slow("volume create gv0", 120)) == []
    assert taken_back("bricks offline", identity="74b1efb8") == []
    assert taken_back("") == []
