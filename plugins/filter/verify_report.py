# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary of playbooks/verify.yml: what each host said, as lines to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Sequence

from ansible_collections.berthage.swarm.plugins.module_utils._networks import data_path
from ansible_collections.berthage.swarm.plugins.module_utils._report import table, text_of
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import recognise
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.causes import cause_of
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.nodes import Split, splits

DOCUMENTATION = r"""
name: verify_report
short_description: The summary of the playbook verify, as aligned lines
version_added: 0.1.0
author: "berthage contributors (@berthage)"
description:
  - Turns what the hosts answered in the playbook C(berthage.swarm.verify) into the summary at its end.
  - Made for that playbook. The answers' form may change with any release.
positional: hosts
options:
  _input:
    description: The answers, one mapping for each host that gave any.
    type: list
    elements: dict
    required: true
  hosts:
    description: The names of all hosts that were asked, in order.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show the summary
  ansible.builtin.debug:
    msg: "{{ (answers | berthage.swarm.verify_report(ansible_play_hosts_all)).lines }}"
"""

RETURN = r"""
_value:
  description: The summary.
  type: dict
  contains:
    lines:
      description: The text, line by line.
      type: list
      elements: str
    failures:
      description: What failed, one text for each check.
      type: list
      elements: str
"""

Answers = Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """One thing that was tried. `outcome` is `verified`, `skipped` or `FAILED`."""

    subject: str
    outcome: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}" if self.reason else self.subject


class FilterModule:
    def filters(self) -> dict[str, Any]:
        return {"verify_report": verify_report}


def verify_report(answers: Sequence[Answers], hosts: Sequence[str]) -> dict[str, list[str]]:
    by_host: dict[str, Answers] = {host: {} for host in hosts}
    by_host.update((answer["host"], answer) for answer in answers)
    checks = list(all_checks(by_host))
    failures = [check for check in checks if check.outcome == "FAILED"]
    skipped = [check for check in checks if check.outcome == "skipped"]
    count = f"{len(checks) - len(failures) - len(skipped)} verified, {len(skipped)} skipped, {len(failures)} failed"
    sections = (
        ("HOSTS", table(("name", "address", "serves", "engine", "kernel", "swarm"), host_rows(by_host))),
        ("NFS EXPORTS", table(("server", "path", "clients"), export_rows(by_host))),
        ("GLUSTERFS VOLUMES", table(("volume", "type", "state", "brick", "state"), brick_rows(by_host))),
        ("DOCKER VOLUMES", table(("volume", "backend", *hosts), volume_rows(by_host))),
        ("DIFFERENCES BETWEEN HOSTS", [f"{split.name}: {split}" for split in volume_splits(by_host)]),
        ("NETWORKS", table(("network", "driver", "kind", "ways", "result"), network_rows(by_host))),
        ("BEFORE TRAFFIC", data_path.warnings(by_host)),
        ("BETWEEN HOSTS", table(("what", "result"), [(c.subject, c.outcome) for c in checks_between(by_host)])),
        ("SKIPPED", [str(check) for check in skipped]),
        ("FAILED", [str(check) for check in failures]),
        ("RESULT", [count, *took(by_host)]),
    )
    return {
        "lines": text_of(sections),
        "failures": [str(check) for check in failures],
    }


def host_rows(by_host: Mapping[str, Answers]) -> list[tuple[str, ...]]:
    known = {
        node_id: node for answer in by_host.values() for node_id, node in said(answer, "prepare", "nodes", {}).items()
    }
    rows: list[tuple[str, ...]] = []
    for host, answer in by_host.items():
        node = known.get(said(answer, "prepare", "node_id", ""), {})
        role = "leader" if node.get("leader") else node.get("role", "")
        state = f"{role}, {node['state']}, {node['availability']}" if node else said(answer, "prepare", "swarm", "-")
        rows.append(
            (
                host,
                said(answer, "prepare", "address", "-"),
                ", ".join(answer.get("serves", ())) or "-",
                said(answer, "prepare", "engine", "-"),
                said(answer, "prepare", "kernel", "-"),
                state,
            )
        )
    return rows


def export_rows(by_host: Mapping[str, Answers]) -> list[tuple[str, ...]]:
    return [
        (host, export["path"], export["client"])
        for host, answer in by_host.items()
        for export in said(answer, "prepare", "exports", ())
    ]


def brick_rows(by_host: Mapping[str, Answers]) -> list[tuple[str, ...]]:
    return [
        (volume["name"], volume["type"], volume["status"], brick["name"], state_of_brick(brick))
        for answer in by_host.values()
        for volume in said(answer, "gluster", "volumes", ())
        for brick in volume["bricks"]
    ]


def state_of_brick(brick: Mapping[str, Any]) -> str:
    if brick["online"] is None:
        return "unknown" if brick["message"] else "-"
    if not brick["online"]:
        return "OFFLINE"
    waiting = (brick["pending_heals"] or 0) + (brick["split_brain"] or 0)
    return f"online, {waiting} not healed" if waiting else "online"


def volume_rows(by_host: Mapping[str, Answers]) -> list[tuple[str, ...]]:
    verdicts = {host: said(answer, "prepare", "volumes", {}) for host, answer in by_host.items()}
    backends = {name: verdict["backend"] for of_host in verdicts.values() for name, verdict in of_host.items()}
    return [
        (name, backend, *(verdicts[host].get(name, {}).get("outcome", "-") for host in by_host))
        for name, backend in backends.items()
    ]


def network_rows(by_host: Mapping[str, Answers]) -> list[tuple[str, ...]]:
    """One row for a network whose ways are all well; below it one for each way that is not."""
    rows: list[tuple[str, ...]] = []
    for network in data_path.judged(by_host):
        verified = [way for way in network.ways if way.outcome == "verified"]
        others = [way for way in network.ways if way.outcome != "verified"]
        ways = f"all {len(verified)}" if not others else f"{len(verified)} of {len(network.ways)}"
        rows.append((network.name, network.driver, network.kind, ways if network.ways else "-", in_short(network)))
        if network.outcome == "FAILED":
            # Reasons are long, and are told below the tables.
            rows += [("", "", "", f"{way.origin} to {way.target}", way.outcome) for way in others]
    return rows


def in_short(network: data_path.Network) -> str:
    return f"verified ({network.detail})" if network.outcome == "verified" else network.outcome


def took(by_host: Mapping[str, Answers]) -> list[str]:
    """Seconds of each round on the slowest host, without Ansible's own."""
    seconds = {
        part: max((said(answer, part, "seconds", 0) for answer in by_host.values()), default=0)
        for part in ("prepare", "exchange", "clean")
    }
    told = ", ".join(f"{part} {value} s" for part, value in seconds.items() if value)
    return [f"{told} on the slowest host"] if told else []


def all_checks(by_host: Mapping[str, Answers]) -> Iterator[Check]:
    yield from checks_of_answering(by_host)
    for host, answer in by_host.items():
        yield from checks_of_exports(host, answer)
        yield from checks_of_gluster(host, answer.get("gluster", {}))
        for name, verdict in said(answer, "prepare", "volumes", {}).items():
            yield Check(f"volume {name} on {host}", verdict["outcome"], reason_of(verdict))
    for network in data_path.judged(by_host):
        yield from checks_of_network(network)
    for split in volume_splits(by_host):
        if split.elsewhere:
            yield Check(
                f"volume {split.name}",
                "FAILED",
                f"the hosts have different volumes under this name: {split}; give one of them another name, or remove "
                "the wrong one and run the role docker_volumes there",
            )
    yield from checks_between(by_host)


def checks_of_network(network: data_path.Network) -> Iterator[Check]:
    """Both ways between two hosts are one check where the same is to be said of them."""
    if not network.ways or network.reason:
        yield Check(f"network {network.name}", network.outcome, network.reason)
    said_before = set()
    for way in network.ways:
        ends = tuple(sorted((way.origin, way.target)))
        same = [other for other in network.ways if sorted((other.origin, other.target)) == list(ends)]
        if len(same) == 2 and len({(other.outcome, other.reason) for other in same}) == 1:
            if ends in said_before:
                continue
            said_before.add(ends)
            yield Check(f"network {network.name} between {way.origin} and {way.target}", way.outcome, way.reason)
        else:
            yield Check(f"network {network.name} from {way.origin} to {way.target}", way.outcome, way.reason)


def reason_of(verdict: Mapping[str, Any]) -> str:
    """Why, and, where the engine's own words are all there is, what they mean and what to do."""
    if not verdict.get("by_engine"):
        return str(verdict["reason"])
    return "; ".join(cause_of(recognise(verdict["driver"], verdict["options"]).backend, verdict["reason"]))


def volume_splits(by_host: Mapping[str, Answers]) -> tuple[Split, ...]:
    """The volumes that the hosts' engines have otherwise, read as the modules read them: by what their options mean."""
    return splits(
        {
            host: {
                name: recognise(verdict["driver"], verdict["options"])
                for name, verdict in said(answer, "prepare", "volumes", {}).items()
                if verdict.get("driver")
            }
            for host, answer in by_host.items()
        }
    )


def checks_of_answering(by_host: Mapping[str, Answers]) -> Iterator[Check]:
    for host, answer in by_host.items():
        if not answer:
            yield Check(host, "FAILED", "no answer; see the failed task above")
        for part in ("prepare", "exchange", "clean"):
            if said(answer, part, "error", ""):
                yield Check(f"{host}, {part}", "FAILED", said(answer, part, "error", ""))
        if said(answer, "prepare", "cut_off", ""):
            yield Check(
                host,
                "FAILED",
                f"cut off from the Swarm: {said(answer, 'prepare', 'cut_off', '')}; see the firewalls and the network "
                "between it and the managers (2377/tcp, 7946/tcp and udp, 4789/udp); its overlays were not tried",
            )


def checks_of_exports(host: str, answer: Answers) -> Iterator[Check]:
    for export in said(answer, "prepare", "exports", ()):
        if not export.get("active", True):
            yield Check(
                f"export {export['path']} on {host}",
                "FAILED",
                "declared, but the active table of the kernel's server is empty, so that nothing is exported there; "
                "see `systemctl status nfs-server`, then run the role nfs_server",
            )


def checks_of_gluster(host: str, answer: Mapping[str, Any]) -> Iterator[Check]:
    """What one host of the pool says of it: the hosts, and each volume's bricks, pending heals and split brain."""
    if "problems" not in answer:
        if answer.get("msg"):
            yield Check(f"glusterfs on {host}", "FAILED", answer["msg"])
        return
    problems = answer["problems"]
    of_pool = [problem for problem in problems if problem["field"] == "pool"]
    away = ", ".join(f"{problem['item']} {problem['message']}" for problem in of_pool)
    many = len(answer["pool"])
    subject = f"glusterfs pool of {many} host{'s' if many > 1 else ''}"
    yield Check(subject, "FAILED" if away else "verified", away)
    for volume in answer["volumes"]:
        subject = f"glusterfs volume {volume['name']}"
        wrong = [problem for problem in problems if problem not in of_pool and problem["item"] == volume["name"]]
        if volume["status"] != "Started":
            yield Check(subject, "skipped", f"its state is {volume['status']}")
        elif wrong:
            yield Check(subject, "FAILED", "; ".join(f"{each['message']} ({each['remedy']})" for each in wrong))
        else:
            yield Check(f"{subject}: bricks online{', nothing to heal' if volume['heals'] else ''}", "verified")


def checks_between(by_host: Mapping[str, Answers]) -> Iterator[Check]:
    for host, answer in by_host.items():
        for name, verdict in said(answer, "prepare", "written", {}).items():
            if verdict["outcome"] == "FAILED":
                yield Check(f"data through {name}: written on {host}", "FAILED", verdict["reason"])
        for name, verdict in said(answer, "exchange", "read", {}).items():
            subject = f"data through {name}: written on {answer['first']}, read on {host}"
            yield Check(subject, verdict["outcome"], verdict["reason"])
    yield from checks_of_isolation(by_host)
    yield from checks_of_internal(by_host)


def checks_of_isolation(by_host: Mapping[str, Answers]) -> Iterator[Check]:
    """What containers of one network alone tried on the others, by every host that tried."""
    tried: dict[str, set[str]] = {}
    reached: dict[str, list[str]] = {}
    for host, answer in by_host.items():
        for name, verdict in said(answer, "exchange", "isolation", {}).items():
            tried.setdefault(name, set()).update(verdict["others"])
            reached.setdefault(name, []).extend(f"{server} from {host}" for server in verdict["reached"])
    for name, others in tried.items():
        if not others:
            continue
        wrong = f"a container on {name} alone reached {', '.join(reached[name])}" if reached[name] else ""
        subject = f"network {name}: reaches its own, and not {' or '.join(sorted(others))}"
        yield Check(subject, "FAILED" if wrong else "verified", wrong)


def checks_of_internal(by_host: Mapping[str, Answers]) -> Iterator[Check]:
    """What containers of internal networks reached beyond them, where those of other networks did reach it."""
    internal = [network.name for network in data_path.judged(by_host) if "internal" in network.kind and network.ways]
    out: dict[str, list[str]] = {host: said(answer, "exchange", "outside", []) for host, answer in by_host.items()}
    controls = {host: [name for name in reached if name not in internal] for host, reached in out.items()}
    for name in internal:
        subject = f"network {name}: internal, and does not lead out"
        wrong = [host for host, reached in out.items() if name in reached]
        control = next((names[0] for names in controls.values() if names), "")
        if wrong:
            yield Check(subject, "FAILED", f"a container on {name} alone reached the host it is on: {', '.join(wrong)}")
        elif control:
            yield Check(f"{subject}, where {control} does", "verified")
        else:
            yield Check(subject, "skipped", "no container of another network reached its host, either")


def said(answer: Answers, part: str, key: str, otherwise: Any) -> Any:
    """From a host's answer, which lacks every part that was not reached or not asked for."""
    return answer.get(part, {}).get(key, otherwise)
