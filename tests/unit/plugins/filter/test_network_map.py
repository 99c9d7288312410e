# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the playbook map, as a browser reads it, and the text at the playbook's end."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from ansible_collections.berthage.swarm.plugins.filter.network_map import network_map
from ansible_collections.berthage.swarm.plugins.filter.network_report import network_report
from ansible_collections.berthage.swarm.plugins.module_utils._markup import element
from ansible_collections.berthage.swarm.tests.unit.plugins.filter.map_samples import (
    container,
    host,
    network,
    service,
    volume,
)

TEMPLATE = Path(__file__).parents[4] / "playbooks" / "templates" / "swarm_map.html.j2"
VOID = {"input", "meta"}
HOSTILE = "<script>alert('x')</script>\"><img src=http://evil.example/x onerror=alert(1)> {{ 1 + 1 }} \x00\u202e&amp;"

NETWORKS = [network("front"), network("back", Internal=True), network("ingress", Ingress=True)]
BUILD = [network("build", "bridge", node) for node in ("node1", "node2")]
SERVICES = [
    service("web", ["front"], 2, [(80, "ingress")]),
    service("app", ["front", "back"]),
    service("db", ["back"], 0),
]
ANSWERS = [
    host(
        "node1",
        [*NETWORKS, BUILD[0], network("bridge", "bridge", "node1"), network("host", "host", "node1")],
        [container("builder", ["build"], node="node1"), container("agent", HostConfig={"NetworkMode": "host"})],
        SERVICES,
        [volume("media", "nfs", ["web"], server="10.0.0.5", path="/srv/media"), volume("db", users=["db"])],
    ),
    host(
        "node2",
        [BUILD[1]],
        [container("old", ["build"], "exited", "node2")],
        volumes=[volume("media", "nfs", server="10.0.0.9", path="/srv/media")],
    ),
]


def page(answers):
    # As Ansible's templates do not escape either, the filter has to.
    template = Environment().from_string(TEMPLATE.read_text())  # noqa: S701
    return template.render(__map_body=network_map(answers))


class Reader(HTMLParser):
    """Reads a page, and fails where an element does not end, or ends another one."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.elements, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def attributes(self, name):
        return [attributes[name] for _tag, attributes in self.elements if name in attributes]


class Rows(HTMLParser):
    """The rows of the table in the section with this id."""

    def __init__(self, key, text):
        super().__init__(convert_charrefs=True)
        self.rows, self._key, self._inside, self._cell = [], key, False, None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "section":
            self._inside = attributes.get("id") == self._key
        elif self._inside and tag == "tr":
            self.rows.append([])
        elif self._inside and tag in ("td", "th"):
            self._cell = {"class": attributes.get("class") or "", "title": attributes.get("title") or "", "text": ""}
            self.rows[-1].append(self._cell)

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self._cell = None

    def handle_data(self, data):
        if self._cell is not None:
            self._cell["text"] += data


def matrix(answers):
    """What the page's matrix says, by the short names of sender and receiver."""
    head, *rows = Rows("matrix", page(answers)).rows
    names = [cell["text"] for cell in head[1:]]
    return {(row[0]["text"], name): cell["class"] for row in rows for name, cell in zip(names, row[1:])}


def test_the_page_is_html_that_a_browser_need_not_mend():
    found = Reader(page(ANSWERS))
    assert [tag for tag, _attributes in found.elements][:2] == ["html", "head"]
    keys = found.attributes("id")
    assert len(keys) == len(set(keys))


def test_the_page_refers_to_nothing_outside_of_itself():
    text = page(ANSWERS)
    found = Reader(text)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text)
    assert found.attributes("src") == []
    assert all(target.startswith("#") for target in found.attributes("href"))
    assert {target[1:] for target in found.attributes("href")} <= set(found.attributes("id"))
    (policy,) = [attributes["content"] for _tag, attributes in found.elements if "http-equiv" in attributes]
    assert policy.startswith("default-src 'none'")


def test_the_matrix_says_who_can_and_who_cannot():
    said = matrix(ANSWERS)
    assert said["web", "app"] == said["app", "web"] == said["app", "db"] == said["db", "app"] == "can"
    assert said["web", "db"] == said["db", "web"] == "cannot"
    assert said["db", "builder (node1)"] == said["builder (node1)", "db"] == "cannot"
    assert said["builder (node1)", "web"] == "port"
    assert said["db", "agent (node1)"] == "cannot"
    assert said["builder (node1)", "old (node2)"] == "cannot"
    assert said["web", "web"] == "self"


def test_a_cell_says_by_which_networks():
    titles = {cell["title"] for row in Rows("matrix", page(ANSWERS)).rows for cell in row}
    assert "service app → service db: by back" in titles
    assert "container builder on node1 → service web: only published 80/tcp" in titles
    assert "service db → service web: cannot" in titles


def test_the_report_and_the_page_say_the_same():
    lines = network_report(ANSWERS)
    start = lines.index("WHO REACHES WHOM") + 2
    rows = [line.split() for line in lines[start : start + 6]]
    marks = [row[-6:] for row in rows]
    classes = {"can": "+", "port": "o", "cannot": ".", "self": "-"}
    said = list(matrix(ANSWERS).values())
    assert marks == [[classes[each] for each in said[row * 6 : row * 6 + 6]] for row in range(6)]


def test_the_report_names_networks_ports_and_what_is_not_known():
    lines = network_report([*ANSWERS, {"host": "node3"}])
    assert ["front", "overlay", "swarm", "10.90.153.0/24", "2"] in [line.split() for line in lines]
    assert "  80/tcp: service web" in lines
    assert "  node3: no answer; what is on it is missing here" in lines


def test_only_volumes_that_were_asked_for_are_missed():
    missed = "  node3: its volumes are not known"
    assert missed in network_report([*ANSWERS, {"host": "node3", "volumes": {}}])
    assert missed not in network_report([*ANSWERS, {"host": "node3"}])


def test_the_longest_heading_of_the_drawing_is_not_cut_off():
    # At 13 points bold letters are 7.6 wide on the average, and headings lean by 50 degrees.
    answers = [host("node1", [network("n" * 80)], services=[service("web", ["n" * 80])])]
    head = re.search(r'translate\(\d+ (\d+)\) rotate\(-50\)" class="head n0">([^<]*)', network_map(answers))
    assert head is not None
    assert len(head[2]) * 7.6 * 0.77 < int(head[1])


def test_all_lists_tell_of_all_there_is():
    text = page(ANSWERS)

    def first(key):
        return [row[0]["text"] for row in Rows(key, text).rows[1:]]

    assert first("networks") == ["back", "front", "ingress", "build on node1", "build on node2"]
    assert sorted(first("parties")) == ["agent (node1)", "app", "builder (node1)", "db", "old (node2)", "web"]
    assert first("volumes") == ["db", "media", "media"]
    assert first("nodes") == ["node1", "node2", "node3"]
    assert first("outside") == ["80/tcp", "any it opens"]


def test_volumes_of_one_name_that_differ_are_marked():
    rows = Rows("volumes", page(ANSWERS)).rows
    assert [row[2]["text"] for row in rows if row[0]["text"] == "media"] == [
        "10.0.0.5:/srv/media not the same on all nodes",
        "10.0.0.9:/srv/media not the same on all nodes",
    ]


def test_what_does_not_run_is_shown_as_such():
    head = Rows("matrix", page(ANSWERS)).rows[0]
    assert {cell["text"] for cell in head if cell["class"] == "stopped"} == {"db", "old (node2)"}


def test_services_are_told_by_their_tasks_where_no_manager_answered():
    task = container(
        "web.1.x",
        ["front"],
        Labels={"com.docker.swarm.service.id": "s-web", "com.docker.swarm.service.name": "web"},
    )
    other = {**task, "Id": "c-other", "Names": ["/web.2.x"]}
    answers = [host("node1", NETWORKS[:1], [task]), host("node2", NETWORKS[:1], [other])]
    lines = network_report(answers)
    assert any("services are known only by their tasks" in line for line in lines)
    assert Rows("parties", page(answers)).rows[1][2]["text"] == "2 tasks run on the hosts that were asked"


def test_an_attached_container_has_its_name_from_its_own_host():
    far = container("far", ["front"])
    manager = host("node1", NETWORKS, [], [])
    manager["networks"]["reachability"] = [
        {**each, "kind": "attachment", "name": each["id"][:12], "title": "container x on node2"}
        for each in host("node2", NETWORKS, [far])["networks"]["reachability"]
    ]
    for answers in ([manager, host("node2", NETWORKS, [far])], [host("node2", NETWORKS, [far]), manager]):
        assert [row[0]["text"] for row in Rows("parties", page(answers)).rows[1:]] == ["far (node2)"]


@pytest.mark.parametrize("answers", [[], [{"host": "node1"}], [host("node1")], [host("node1", services=[])]])
def test_there_is_a_page_and_a_report_of_nothing(answers):
    Reader(page(answers))
    assert isinstance(network_report(answers), list)


def hostile(text):
    """A Swarm in which everything that can have any name has this one."""
    evil = network(text, Labels={text: text, "berthage.swarm.owner": text})
    return [
        host(
            "node1",
            [evil],
            [container(text, [text])],
            [service(text, [text], 1, [(80, "ingress")])],
            [volume(text, "nfs", [text], server=text, path=text)],
        ),
        {"host": text},
    ]


def elements_of(text):
    return [
        (tag, sorted(name for name in attributes if name != "data-find")) for tag, attributes in Reader(text).elements
    ]


def test_hostile_names_are_text_and_nothing_else():
    text = page(hostile(HOSTILE))
    assert elements_of(text) == elements_of(page(hostile("harmless")))
    assert "\x00" not in text
    assert "\u202e" not in text
    assert "<script>alert" not in text
    shown = [data for tag, data in Reader(text).texts if tag in ("td", "span") and "evil.example" in data]
    assert any("<img src=http://evil.example/x onerror=alert(1)> {{ 1 + 1 }}" in data for data in shown)


@settings(deadline=None)
@given(st.text(min_size=1))
def test_no_name_makes_an_element_or_an_attribute(name):
    assert elements_of(network_map(hostile(f"x{name}"))) == elements_of(network_map(hostile("harmless")))


@given(st.text(), st.text())
def test_what_is_written_is_what_is_read(value, content):
    printable = re.compile(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
    )
    found = Reader(element("b", content, title=value))
    assert found.elements == [("b", {"title": printable.sub("\ufffd", value)})]
    assert "".join(data for _tag, data in found.texts) == printable.sub("\ufffd", content)


def test_no_secret_comes_into_the_page():
    hush = "correcthorse"
    secret = network("front", Options={"plugin.password": hush}, Labels={"api_token": hush})
    office = volume("office", "cifs", server="files", share="office", username="u", password=hush)
    odd = volume("odd", "plugin", url=f"https://u:{hush}@host/")
    answers = [host("node1", [secret], [], [service("web", ["front"])], [office, odd])]
    assert hush not in page(answers)
    assert hush not in "\n".join(network_report(answers))
