# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the declaration of a backend, and which options the engine gets of one that is right."""

from __future__ import annotations

import pytest

from ansible_collections.berthage.swarm.plugins.module_utils._refusal import Refused
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._volumes.volume_samples import (
    declaration,
    volume,
)

CIFS = {"server": "files", "share": "office", "username": "u", "password": "p"}
KEY = "AQDY/4hnAAAAABAAbp1DbUH5HFZ0fXlzTkQ3Zw=="
CEPHFS = {"monitors": ["10.0.0.7"], "secret": KEY}
BLOCK = {"device": "/dev/disk/by-id/x", "fs_type": "xfs"}
NFS = {"server": "10.0.0.5", "path": "/srv"}


def refusal(**options):
    with pytest.raises(Refused) as refused:
        declaration({"name": "app", **options})
    return str(refused.value)


@pytest.mark.parametrize(
    ("change", "beginning", "reason"),
    [
        ({"server": "//files"}, "app, cifs.server: '//files' is neither an address", "the share goes into cifs.share"),
        ({"server": "files:1445"}, "app, cifs.server: ", "port=1445"),
        ({"share": ""}, "app, cifs.share: ", "no name of a share"),
        ({"share": "office/sub"}, "app, cifs.share: ", "goes into cifs.path"),
        ({"share": "a%zz"}, "app, cifs.share: ", "as a URL"),
        ({"path": "a\\b"}, "app, cifs.path: ", "backslashes"),
        ({"path": "a/../b"}, "app, cifs.path: ", "leads out of the share"),
        ({"username": None}, "app, cifs.password: ", "without cifs.username"),
        ({"username": None, "password": None, "domain": "D"}, "app, cifs.domain: ", "without cifs.username"),
        ({"username": ""}, "app, cifs.username: it is empty", "sec=none"),
        ({"username": "D\\u"}, "app, cifs.username: ", "give the domain as cifs.domain"),
        ({"username": "a,b"}, "app, cifs.username: ", "comma"),
        ({"domain": "a,b"}, "app, cifs.domain: ", "comma"),
        ({"password": None}, "app, cifs.password: it is missing", 'password: ""'),
        ({"password": "x,ro"}, "app, cifs.password: ", "mount the share on the host, and use `bind`"),
        ({"options": ["addr=10.0.0.5"]}, "app, cifs.options: 'addr' is set by a field", "use cifs.server"),
        ({"options": ["pass=hush"]}, "app, cifs.options: 'pass' is set by a field", "use cifs.password"),
        ({"options": ["vers=3.0"]}, "app, cifs.options: 'vers' is set by a field", "use cifs.version"),
        ({"options": ["prefixpath=a"]}, "app, cifs.options: ", "use cifs.path"),
        ({"options": ["credentials=/etc/c"]}, "app, cifs.options: `credentials` is a file", "mount.cifs never runs"),
        ({"options": ["uid=www-data"]}, "app, cifs.options: 'uid=www-data' is no number", "uid=1000"),
        ({"options": ["file_mode=755"]}, "app, cifs.options: 'file_mode=755' is no octal number", "file_mode=0755"),
        ({"options": ["workgroup=W"]}, "app, cifs.options: ", "use domain"),
        ({"options": ["sec=krb5p"]}, "app, cifs.options: ", "use sec=krb5 and seal"),
        ({"options": ["sec=none"]}, "app, cifs.options: ", "forget the user"),
        ({"options": ["nofail"]}, "app, cifs.options: 'nofail'", "which the kernel refuses"),
        ({"options": ["bind"]}, "app, cifs.options: 'bind'", "another kind of mount"),
    ],
)
def test_a_cifs_volume_that_could_never_be_mounted_is_refused_with_the_reason(change, beginning, reason):
    message = refusal(cifs={**CIFS, **change})
    assert message.startswith(beginning)
    assert reason in message
    assert "hush" not in message


@pytest.mark.parametrize(
    ("change", "device", "options"),
    [
        ({}, "//files/office", "addr=files,username=u,password=p,vers=3.1.1"),
        ({"path": "/a//b/"}, "//files/office/a/b", "addr=files,username=u,password=p,vers=3.1.1"),
        ({"server": "fd00::5"}, "//[fd00::5]/office", "addr=fd00::5,username=u,password=p,vers=3.1.1"),
        ({"password": ",a,,b"}, "//files/office", "addr=files,username=u,password=,,a,,,,b,vers=3.1.1"),
        ({"password": ""}, "//files/office", "addr=files,username=u,password=,vers=3.1.1"),
        ({"username": None, "password": None}, "//files/office", "addr=files,sec=none,vers=3.1.1"),
        (
            {"domain": "D", "version": "3", "options": ["seal,uid=1000", "ro"]},
            "//files/office",
            "addr=files,username=u,password=p,domain=D,vers=3,seal,uid=1000,ro",
        ),
        (
            {"password": None, "options": ["sec=krb5"]},
            "//files/office",
            "addr=files,username=u,vers=3.1.1,sec=krb5",
        ),
    ],
)
def test_a_cifs_volume_names_the_address_since_no_helper_does(change, device, options):
    assert volume(cifs={**CIFS, **change}).driver_opts == {"type": "cifs", "device": device, "o": options}


@pytest.mark.parametrize(
    ("change", "beginning", "reason"),
    [
        ({"monitors": []}, "app, cephfs.monitors: there is none", "ceph mon dump"),
        ({"monitors": ["mon1"]}, "app, cephfs.monitors: 'mon1' is no address", "nor the kernel looks up"),
        ({"monitors": ["10.0.0.7", "mon2:6789"]}, "app, cephfs.monitors: 'mon2:6789' is no address", "[fd00::7]:6789"),
        ({"monitors": ["10.0.0.7:x"]}, "app, cephfs.monitors: ", "no port from 1 to 65535"),
        ({"monitors": ["10.0.0.7:70000"]}, "app, cephfs.monitors: ", "no port from 1 to 65535"),
        ({"monitors": ["10.0.0.7:3300"]}, "app, cephfs.monitors: ", "add ms_mode=prefer-crc"),
        (
            {"monitors": ["10.0.0.7:6789"], "options": ["ms_mode=crc"]},
            "app, cephfs.monitors: ",
            "port 6789 does not speak ms_mode=crc",
        ),
        ({"path": "app"}, "app, cephfs.path: 'app' is not absolute", "such as /app"),
        ({"user": "client.app"}, "app, cephfs.user: ", "without `client.`"),
        ({"user": "a,b"}, "app, cephfs.user: ", "name=admin"),
        ({"secret": "hush"}, "app, cephfs.secret: it is no key of Ceph", "ceph auth get-key client.admin"),
        ({"options": ["secret=hush"]}, "app, cephfs.options: 'secret' is set by a field", "use cephfs.secret"),
        ({"options": ["name=x"]}, "app, cephfs.options: ", "use cephfs.user"),
        ({"options": ["secretfile=/etc/s"]}, "app, cephfs.options: `secretfile` is a file", "mount.ceph never runs"),
        ({"options": ["fs=a"]}, "app, cephfs.options: ", "use mds_namespace=a"),
        ({"options": ["_netdev"]}, "app, cephfs.options: '_netdev'", "leave it out"),
    ],
)
def test_a_cephfs_volume_that_could_never_be_mounted_is_refused_with_the_reason(change, beginning, reason):
    message = refusal(cephfs={**CEPHFS, **change})
    assert message.startswith(beginning)
    assert reason in message
    assert "hush" not in message


@pytest.mark.parametrize(
    ("change", "device", "options"),
    [
        ({}, "10.0.0.7:/", f"name=admin,secret={KEY}"),
        (
            {"monitors": ["10.0.0.7:6790", "fd00::7", "[fd00::8]:6789"], "path": "/app", "user": "app"},
            "10.0.0.7:6790,[fd00::7],[fd00::8]:6789:/app",
            f"name=app,secret={KEY}",
        ),
        (
            {"secret": None, "options": ["mds_namespace=a,noatime"]},
            "10.0.0.7:/",
            "name=admin,mds_namespace=a,noatime",
        ),
        # The kernel's default port does not follow from ms_mode.
        (
            {"monitors": ["10.0.0.7", "fd00::7", "10.0.0.8:3301"], "secret": None, "options": ["ms_mode=crc"]},
            "10.0.0.7:3300,[fd00::7]:3300,10.0.0.8:3301:/",
            "name=admin,ms_mode=crc",
        ),
    ],
)
def test_a_cephfs_volume_has_the_device_that_every_kernel_knows(change, device, options):
    assert volume(cephfs={**CEPHFS, **change}).driver_opts == {"type": "ceph", "device": device, "o": options}


@pytest.mark.parametrize(
    ("change", "beginning", "reason"),
    [
        (
            {"device": "UUID=1-2"},
            "app, block.device: 'UUID=1-2' is a tag",
            "give the link that udev makes of it, /dev/disk/by-uuid/1-2",
        ),
        ({"device": "LABEL=data"}, "app, block.device: ", "/dev/disk/by-label/data"),
        ({"device": "PARTLABEL=data"}, "app, block.device: ", "/dev/disk/by-partlabel/data"),
        ({"device": "/srv/disk.img"}, "app, block.device: '/srv/disk.img' is no device below /dev", "no plain files"),
        ({"device": "sdb"}, "app, block.device: ", "/dev/disk/by-id"),
        ({"device": "/dev/../srv/x"}, "app, block.device: ", "below /dev"),
        ({"fs_type": "zfs"}, "app, block.fs_type: 'zfs' is no file system of a block device", "lsblk -f"),
        ({"options": ["defaults,noatime"]}, "app, block.options: 'defaults'", "leave it out"),
        ({"options": ["loop"]}, "app, block.options: 'loop'", "leave it out"),
    ],
)
def test_a_block_volume_that_could_never_be_mounted_is_refused_with_the_reason(change, beginning, reason):
    message = refusal(block={**BLOCK, **change})
    assert message.startswith(beginning)
    assert reason in message


def test_a_block_volume_is_the_device_with_its_file_system():
    assert volume(block=BLOCK).driver_opts == {"type": "xfs", "device": "/dev/disk/by-id/x"}
    assert volume(block={**BLOCK, "options": ["noatime", "discard"]}).driver_opts["o"] == "noatime,discard"


def test_the_preset_for_amazon_efs_is_what_amazon_recommends():
    options = volume(nfs={**NFS, "preset": "efs"}).driver_opts["o"]
    assert options == ("addr=10.0.0.5,nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,retrans=2,noresvport")


def test_options_given_by_hand_win_over_a_preset():
    fields = volume(
        nfs={**NFS, "preset": "efs", "version": "4", "options": ["timeo=100,soft", "resvport"]}
    ).meaning.fields
    assert (fields["version"], fields["timeo"], fields["recovery"], fields["resvport"]) == ("4.0", 100, "soft", True)


@pytest.mark.parametrize("version", ["3", "4.2"])
def test_a_version_that_amazon_efs_does_not_offer_is_refused(version):
    assert "Amazon EFS does not offer" in refusal(nfs={**NFS, "preset": "efs", "version": version})


def test_a_glusterfs_volume_by_a_plugin_is_refused_for_good():
    message = refusal(glusterfs={"volume": "gv0", "path": "media", "via": "plugin"})
    assert message.startswith("app, glusterfs.via: no plugin for GlusterFS is alive")
    assert "yet" not in message


@pytest.mark.parametrize("size", ["100mb", "010m", "1.5g", "-1", "%"])
def test_a_size_that_the_kernel_reads_otherwise_or_not_is_refused(size):
    assert "is no size" in refusal(tmpfs={"size": size})


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"type": "tmpfs", "device": "none"}, "the engine mounts nothing"),
        ({"type": "none", "device": "none", "o": "bind,ro"}, "the engine mounts nothing"),
        ({"type": "none", "device": "/srv", "o": "bind,noexec"}, "only `ro` has an effect on a bind mount"),
        ({"type": "tmpfs", "device": "tmpfs", "o": "defaults,size=1m"}, "'defaults' is a word of mount(8)"),
        ({"type": "nfs", "device": ":/s", "o": "addr=10.0.0.5,nofail"}, "'nofail' is a word of mount(8)"),
        ({"type": "xfs", "device": "UUID=1"}, "/dev/disk/by-uuid/1"),
        ({"type": "ext4", "device": "/dev/sdb", "o": "x-systemd.automount"}, "x-systemd.automount"),
        ({"type": "cifs", "device": "//10.0.0.5/s", "o": "guest"}, "username= is missing"),
        ({"type": "cifs", "device": "//files/s", "o": "username=u,password=hush"}, "addr= is missing"),
        ({"type": "cifs", "device": "//f/s", "o": "addr=f,username=u,credentials=/x"}, "`credentials` is a file"),
        ({"type": "smb3", "device": "//f/s", "o": "addr=f,username=u"}, "for type cifs only"),
        ({"type": "cifs", "device": "//a b/s", "o": "username=u"}, "neither an address nor a host name"),
        ({"type": "ceph", "device": "mon1:/", "o": "name=admin"}, "nor the kernel looks up a monitor's name"),
        ({"type": "ceph", "device": "10.0.0.7", "o": "name=admin"}, "is no place in CephFS"),
        ({"type": "ceph", "device": "10.0.0.7:/", "o": "name=a,secretfile=/x"}, "`secretfile` is a file"),
        ({"type": "ceph", "device": "a@.fs=/", "o": "name=a,mon_addr=10.0.0.7"}, "fsid is missing"),
        ({"type": "ceph", "device": "a@1-2.fs=/", "o": "name=a"}, "mon_addr= is missing"),
        ({"type": "ceph", "device": "10.0.0.7:3300:/", "o": "name=a"}, "add ms_mode=prefer-crc"),
        ({"type": "ceph", "device": "a@1-2.fs=/", "o": "name=a,mon_addr=mon1"}, "'mon1' is no address"),
    ],
)
def test_raw_options_that_the_engine_takes_and_cannot_mount_are_refused_with_the_reason(options, reason):
    message = refusal(driver_opts=options)
    assert message.startswith("app, driver_opts.")
    assert reason in message
    assert "hush" not in message


@pytest.mark.parametrize(
    "options",
    [
        {"type": "tmpfs", "device": "none", "o": "size=1m"},
        {"type": "tmpfs", "device": "tmpfs"},
        {"type": "none", "device": "/srv", "o": "bind,defaults"},
        {"type": "none", "device": "/srv", "o": "bind,noexec,ro"},
        {"type": "cifs", "device": "//10.0.0.5/s", "o": "username=u,password=p,auto"},
        {"type": "cifs", "device": "//files/s", "o": "addr=files,sec=none"},
        {"type": "ceph", "device": "10.0.0.7,[fd00::8]:6789:/", "o": "name=admin"},
        {"type": "ceph", "device": "a@1-2.fs=/", "o": "name=a,mon_addr=10.0.0.7:6789/10.0.0.8"},
        {"type": "btrfs", "device": "/dev/sdb", "o": "subvol=a"},
        {"type": "overlay", "device": "overlay", "o": "lowerdir=/a"},
    ],
)
def test_raw_options_that_can_be_mounted_are_accepted(options):
    assert volume(driver_opts=options).driver_opts == options
