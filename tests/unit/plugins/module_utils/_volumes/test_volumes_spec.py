# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before any engine is asked, and what the engine is given."""

from __future__ import annotations

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused
from ansible_collections.berthage.swarm.plugins.module_utils._volumes import spec
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._volumes.volume_samples import (
    declaration,
    parameters,
    volume,
)

NFS = {"server": "10.0.0.5", "path": "/srv/nfs/app"}
GLUSTERFS = {"volume": "gv0", "path": "media"}


def refusal(*volumes, **options):
    with pytest.raises(Refused) as refused:
        declaration(*volumes, **options)
    return str(refused.value)


def argument_errors(*volumes):
    return ArgumentSpecValidator(spec.ARGUMENTS).validate({"volumes": list(volumes)}).error_messages


@pytest.mark.parametrize("name", ["", "x", "-app", ".app", "a/b", "a b", "app:1", "ä-data"])
def test_a_name_that_the_engine_would_not_take_is_refused(name):
    assert "the engine takes no such name" in refusal({"name": name})


@pytest.mark.parametrize("name", ["ab", "App_1.data-x", "0" * 64])
def test_a_name_that_the_engine_takes_is_accepted(name):
    assert declaration({"name": name}).volumes[0].name == name


def test_a_name_longer_than_a_directory_name_is_refused():
    assert "longer than 255" in refusal({"name": "a" * 256})


def test_a_name_listed_twice_is_refused():
    assert refusal({"name": "app"}, {"name": "app", "state": "absent"}).startswith("app, name: it is listed 2 times")


@pytest.mark.parametrize("second", [{"tmpfs": {}}, {"driver": "local"}, {"driver_opts": {"type": "nfs"}}])
def test_two_backends_at_once_are_refused(second):
    message = refusal({"name": "app", "nfs": NFS, **second})
    assert message.startswith(f"app, nfs and {next(iter(second))}: a volume has one backend")


def test_every_problem_is_told_at_once():
    message = refusal({"name": "x"}, {"name": "app", "nfs": {"server": "a b", "path": "srv"}}, owner=" ")
    assert len(message.splitlines()) == 4


@pytest.mark.parametrize("server", ["", "10.0.0.256", "http://files", "files:/srv", "a b", "-files", "files..net"])
def test_a_server_that_is_neither_address_nor_host_name_is_refused(server):
    assert "is neither an address nor a host name" in refusal({"name": "app", "nfs": {**NFS, "server": server}})


@pytest.mark.parametrize(
    "server", ["10.0.0.5", "files", "files.example.net", "files.example.net.", "fd00::5", "[fd00::5]"]
)
def test_a_server_that_is_an_address_or_a_host_name_is_accepted(server):
    assert volume(nfs={**NFS, "server": server}).present


def test_an_nfs_path_that_is_not_absolute_is_refused():
    assert refusal({"name": "app", "nfs": {**NFS, "path": "srv/nfs"}}).startswith(
        "app, nfs.path: 'srv/nfs' is not absolute"
    )


@pytest.mark.parametrize("option", ["addr=10.0.0.9", "vers=3", "nfsvers=4", "minorversion=1", "ro", "hard,v4.1"])
def test_an_nfs_option_that_has_a_field_of_its_own_is_refused(option):
    assert "is set by a field of its own" in refusal({"name": "app", "nfs": {**NFS, "options": [option]}})


def test_an_unknown_key_is_refused_by_its_name():
    assert any(
        "volumes.nfs.sever" in message for message in argument_errors({"name": "app", "nfs": {**NFS, "sever": "x"}})
    )


def test_a_missing_key_is_refused_by_its_name():
    errors = argument_errors({"name": "app", "nfs": {"server": "10.0.0.5"}})
    assert any("path" in message and "nfs" in message for message in errors)


def test_what_is_wrong_with_a_backend_does_not_matter_to_what_is_to_go():
    assert not volume(cifs={"server": "a b", "share": ""}, state="absent").present


@pytest.mark.parametrize("options", [{}, {"owner": "default"}])
def test_purging_what_everybody_shares_is_refused(options):
    assert "volumes, purge: 'default' is everybody" in refusal({"name": "app"}, purge=True, **options)


def test_purging_needs_an_owner_and_no_volumes():
    assert declaration(purge=True, owner="me").purge


@pytest.mark.parametrize("path", ["", "/", ".", "./", "../other", "media/../.."])
def test_the_root_of_a_glusterfs_volume_is_refused(path):
    assert "must be a sub-directory" in refusal({"name": "app", "glusterfs": {**GLUSTERFS, "path": path}})


def test_a_glusterfs_volume_is_a_bind_of_a_directory_below_the_mount():
    made = volume(glusterfs=GLUSTERFS)
    assert made.driver_opts == {"type": "none", "device": "/mnt/glusterfs/gv0/media", "o": "bind"}
    assert made.mount == spec.GlusterMount("gv0", "/mnt/glusterfs/gv0")


def test_create_path_of_a_backend_without_a_directory_here_is_refused():
    assert "create_path" in refusal({"name": "app", "nfs": NFS, "create_path": {}})


def test_a_mode_that_is_not_octal_is_refused():
    volumes = (
        {"name": "app", "bind": {"path": "/srv"}, "create_path": {"mode": "u=rwx"}},
        {"name": "tm", "tmpfs": {"mode": "999"}},
    )
    message = refusal(*volumes)
    assert "app, create_path.mode" in message
    assert "tm, tmpfs.mode" in message


def test_discard_data_on_a_volume_that_only_points_at_data_is_refused():
    assert "points elsewhere" in refusal({"name": "app", "nfs": NFS, "discard_data": True})


def test_discard_data_on_a_volume_that_only_points_at_data_is_for_a_holder_that_is_in_its_way():
    assert declaration({"name": "app", "nfs": NFS, "discard_data": True}, on_drift="recreate").volumes[0].discard_data


def test_labels_of_the_collection_itself_are_refused():
    assert "berthage.swarm." in refusal({"name": "app", "labels": {"berthage.swarm.owner": "me"}})


def test_the_nfs_options_name_address_and_version():
    made = volume(nfs={**NFS, "options": ["hard", "timeo=600"], "read_only": True})
    assert made.driver_opts == {
        "type": "nfs",
        "device": ":/srv/nfs/app",
        "o": "addr=10.0.0.5,nfsvers=4.2,ro,hard,timeo=600",
    }


def test_only_names_of_fields_are_recorded_as_declared():
    made = volume(driver="x/y", driver_opts={"password": "hush"}, labels={"team": "web"})
    assert made.declared == ("driver", "driver_opts.password", "labels.team")
    assert "hush" not in repr(made.declared)


def test_values_become_what_the_engine_stores():
    made = volume(driver="x", driver_opts={"size": 10, "debug": True, "none": None}, labels={"n": 1})
    assert made.driver_opts == {"size": "10", "debug": "true"}
    assert made.labels == {"n": "1"}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"type": "glusterfs", "device": "g1:/gv0", "o": "addr=10.0.0.5"}, "can never be mounted"),
        ({"type": "fuse.sshfs", "device": "u@h:/"}, "can never be mounted"),
        ({"type": "nfs", "device": "10.0.0.5:/srv", "o": "nfsvers=4"}, "addr= is missing"),
        ({"type": "nfs4", "device": ":/srv", "o": "addr=files"}, "looks up the host name 'files' for type nfs only"),
        ({"type": "nfs", "device": ":/srv", "o": "addr=10.0.0.999"}, "neither an address nor a host name"),
        ({"mountpoint": "/srv"}, "the local driver has no such option"),
        ({"device": "/srv"}, "says nothing without type"),
        ({"type": "nfs"}, "says nothing without device"),
        ({"o": "bind"}, "says nothing without type and device"),
    ],
)
def test_raw_options_that_could_never_be_mounted_are_refused(options, why):
    assert why in refusal({"name": "app", "driver_opts": options})


def test_whether_services_are_known_is_told_from_none_being_given():
    assert declaration({"name": "app"}).services_in_use is None
    assert declaration({"name": "app"}, services_in_use=[]).services_in_use == frozenset()


def test_secrets_of_raw_options_are_found():
    one = {"name": "app", "driver_opts": {"type": "cifs", "device": "//f/s", "o": "username=u,password=hush,uid=1"}}
    two = {"name": "home", "driver": "vieux/sshfs", "driver_opts": {"password": "mum", "sshcmd": "u@h:/"}}
    assert spec.secrets(parameters(one, two)) == {"hush", "mum"}


def test_secrets_are_found_among_further_mount_options_as_well():
    wrong = {"name": "app", "nfs": {**NFS, "options": ["hard", "password=hush", 5]}, "labels": {"a": "b"}}
    assert spec.secrets({"volumes": [wrong]}) == {"hush"}


def test_secrets_are_found_in_what_will_be_refused_and_in_what_is_declared_absent():
    gone = {"name": "app", "state": "absent", "driver_opts": {"type": "cifs", "o": "password=hush"}}
    wrong = {"name": "?", "driver_opts": {"secret": "mum"}}
    assert spec.secrets({"volumes": [gone, wrong, "x", {"name": "aa", "driver_opts": "o=1"}]}) == {"hush", "mum"}
    assert spec.secrets({"volumes": "x"}) == set()
