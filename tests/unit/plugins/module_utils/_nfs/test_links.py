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


def wrong(*paths):
    return [(one.item, one.message) for one in links.problems(map(str, paths))]


def test_a_link_that_a_client_of_the_outer_export_could_have_made_is_refused(srv):
    (srv / "app" / "sub").rmdir()
    (srv / "app" / "sub").symlink_to("/etc")
    ((item, message),) = wrong(srv / "app", srv / "app" / "sub")
    assert item == str(srv / "app" / "sub")
    assert message.startswith(f"is /etc, by a link inside of the export {srv}/app, ")


@pytest.mark.parametrize("target", ["../other", "/", "sub2"])
def test_also_one_on_the_way_wherever_it_leads(srv, target):
    (srv / "app" / "way").symlink_to(target)
    assert len(wrong(srv / "app", srv / "app" / "way" / "deep")) == 1


def test_links_that_only_the_server_s_own_can_have_made_are_followed(srv):
    (srv / "cur").symlink_to("app")
    assert wrong(srv / "cur", srv / "cur" / "sub", srv / "other") == []


def test_neighbours_missing_directories_and_the_root_are_no_links(srv):
    assert wrong(srv / "app", srv / "app2", srv / "app" / "missing" / "too", "/") == []
