# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._nfs import links


@pytest.fixture
def srv(tmp_path):
    (tmp_path / "app" / "sub").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    return tmp_path


def wrong(*paths, others=()):
    ways = {path: links.way(path) for path in map(str, paths)}
    return [(one.item, one.message) for one in links.problems(ways, map(str, others))]


def test_a_link_that_a_client_of_the_outer_export_could_have_made_is_refused(srv):
    (srv / "app" / "sub").rmdir()
    (srv / "app" / "sub").symlink_to("/etc")
    ((item, message),) = wrong(srv / "app", srv / "app" / "sub")
    assert item == str(srv / "app" / "sub")
    assert message.startswith(f"is /etc, by the link {srv}/app/sub inside of the export {srv}/app, ")


@pytest.mark.parametrize("target", ["../other", "/", "sub2"])
def test_also_one_on_the_way_wherever_it_leads(srv, target):
    (srv / "app" / "way").symlink_to(target)
    assert len(wrong(srv / "app", srv / "app" / "way" / "deep")) == 1


def test_also_one_inside_of_what_others_export(srv):
    (srv / "app" / "way").symlink_to("/etc")
    assert len(wrong(srv / "app" / "way", others=[srv / "app"])) == 1
    assert wrong(srv / "app" / "way", others=[srv / "app2", srv / "other"]) == []


def test_also_where_the_path_gets_there_by_another_name(srv):
    (srv / "alias").symlink_to(".")
    (srv / "app" / "way").symlink_to("/etc")
    ((item, message),) = wrong(srv / "app", srv / "alias" / "app" / "way")
    assert item == str(srv / "alias" / "app" / "way")
    assert message.startswith(f"is /etc, by the link {srv}/app/way inside of the export {srv}/app, ")
    assert wrong(srv / "app", srv / "alias" / "app" / "sub") == []


def test_also_one_that_another_link_leads_to_and_that_leads_back_out(srv):
    (srv / "app" / "way").symlink_to("../other")
    (srv / "current").symlink_to("app/sub/../way/.")
    assert links.way(str(srv / "current" / "x")) == links.Way(
        str(srv / "other" / "x"), (str(srv / "current"), str(srv / "app" / "way"))
    )
    assert len(wrong(srv / "app", srv / "current" / "x")) == 1


def test_links_that_never_end_are_followed_as_far_as_the_kernel_does(srv):
    (srv / "app" / "loop").symlink_to("loop")
    (srv / "app" / "longer").symlink_to("longer/longer")
    for name in ("loop", "longer"):
        assert len(links.way(str(srv / "app" / name)).links) == 40
        assert len(wrong(srv / "app", srv / "app" / name / "deep")) == 1


def test_links_that_only_the_server_s_own_can_have_made_are_followed(srv):
    (srv / "cur").symlink_to("app")
    assert wrong(srv / "cur", srv / "cur" / "sub", srv / "other") == []


def test_neighbours_missing_directories_and_the_root_are_no_links(srv):
    assert wrong(srv / "app", srv / "app2", srv / "app" / "missing" / "too", "/") == []
