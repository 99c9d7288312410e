# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""For every backend: any order and spelling of one meaning compares equal, and any other meaning is found."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.berthage.swarm.plugins.module_utils._volumes.backends import (
    HOLDS,
    Endpoint,
    recognise,
    redacted,
    secret_values,
)
from ansible_collections.berthage.swarm.plugins.module_utils._volumes.compare import compare
from ansible_collections.berthage.swarm.tests.unit.plugins.module_utils._volumes.volume_samples import volume

KEY = "AQDY/4hnAAAAABAAbp1DbUH5HFZ0fXlzTkQ3Zw=="
OTHER_KEY = "AQDY/4hnAAAAABAAbp1DbUH5HFZ0fXlzTkQ3Zg=="

# Of each backend: its settings, each a list of meanings, each a list of spellings of `o` (a comma parts options, the
# empty text leaves it out), and for the device likewise. No two meanings of one setting may compare equal, and no two
# spellings of one meaning may differ.
FLAGS = [
    [["", "rw"], ["ro"]],
    [["", "exec"], ["noexec"]],
    [["", "suid"], ["nosuid"]],
    [["", "dev"], ["nodev"]],
    [["", "relatime", "atime"], ["noatime"], ["strictatime"]],
]
CIFS = {
    "types": ["cifs"],
    "device": [
        ["//files/office/a", "//FILES/Office/a", "//files/office//a/", r"\\files\office\a", "//files./office/a"],
        ["//files/office", "//files/office/"],
        ["//files/office/A"],
        ["//files/other/a"],
    ],
    "o": [
        *FLAGS,
        [["addr=files", "ip=Files", "addr=10.9.9.9,addr=files", ""]],
        [
            ["username=u,password=p", "user=u,pass=p", "pass=x,username=u,password=p", "user=u,password=p,guest"],
            ["username=u,password=p,,q", "username=u,pass=p,,q"],
            ["username=v,password=p"],
            ["username=u", "username=u,password="],
            ["username=", "username=,password=y", "username=x,username="],
        ],
        [
            ["", "vers=default", "vers=3,vers=default"],
            ["vers=3.1.1", "vers=3.11"],
            ["vers=3.0.2", "vers=3.02"],
            ["vers=3"],
        ],
        [["", "domain=A,dom="], ["domain=D", "dom=D"]],
        [["", "soft", "nohard", "hard,soft"], ["hard", "nosoft"]],
        [["", "cache=strict"], ["cache=none"], ["cache=loose"]],
        [["", "mapposix"], ["mapchars"], ["nomapposix"]],
        [
            ["", "noforceuid"],
            ["uid=1000", "uid=0x3e8", "uid=01750", "uid=1000,forceuid"],
            ["uid=1000,noforceuid"],
            ["uid=0"],
        ],
        [["", "file_mode=0755", "file_mode=493", "file_mode=0x1ed"], ["file_mode=0640"], ["file_mode=755"]],
        [["", "dir_mode=0755", "dirmode=0755"], ["dir_mode=0750", "dirmode=0750"]],
        [["", "actimeo=1", "acregmax=1"], ["actimeo=9", "acregmax=9,acdirmax=9,actimeo=3"], ["acregmax=9"]],
        [["", "port=445", "port=0"], ["port=1445"]],
        [["", "serverino"], ["noserverino"]],
        [["", "perm"], ["noperm"]],
        [["", "brl"], ["nobrl"]],
        [[""], ["seal"]],
        [[""], ["mfsymlinks"]],
        [[""], ["nocase", "ignorecase"]],
        [
            ["", "nomultichannel", "max_channels=1"],
            ["multichannel", "max_channels=2"],
            ["max_channels=4", "multichannel,max_channels=4"],
        ],
        [["", "_netdev", "noauto", "prefixpath=x", "ver=1"]],
        [["", "sec=ntlmssp"], ["sec=ntlmsspi", "sec=ntlmssp,sign"], ["sec=ntlmv2", "sec=nontlm"], ["sec=krb5"]],
    ],
}
CEPHFS = {
    "types": ["ceph"],
    "device": [
        ["10.0.0.7,10.0.0.8:/app", "10.0.0.8,10.0.0.7:6789:/app/", "10.0.0.7:6789,10.0.0.8:6789,10.0.0.7://app"],
        ["10.0.0.7:/app"],
        ["10.0.0.7:6790,10.0.0.8:/app"],
        ["[fd00::7]:/app", "[fd00:0::7]:6789:/app"],
        ["10.0.0.7,10.0.0.8:/", "10.0.0.7,10.0.0.8:"],
    ],
    "o": [
        *FLAGS,
        [
            [f"name=admin,secret={KEY}", f"name=x,secret={OTHER_KEY},name=admin,secret={KEY}"],
            [f"name=admin,secret={OTHER_KEY}"],
            ["name=admin"],
        ],
        [[""], ["mds_namespace=a"], ["mds_namespace=b"]],
        [["", "ms_mode=legacy"], ["ms_mode=crc"], ["ms_mode=secure"]],
        [["", "acl"], ["noacl"]],
        [["", "dcache"], ["nodcache"]],
        [["", "norbytes"], ["rbytes"]],
        [["", "quotadf"], ["noquotadf"]],
        [["", "rasize=8388608", "rasize=0x800000"], ["rasize=0"]],
        [["", "wsize=67108864"], ["wsize=16777216"]],
        [["", "mount_timeout=60"], ["mount_timeout=10"]],
        [["", "recover_session=no"], ["recover_session=clean"]],
        [["", "snapdirname=.snap"], ["snapdirname=.snapshots"]],
        [["", "nofsc", "fsc,nofsc"], ["fsc"]],
        [[""], ["an_option_of_tomorrow"], ["an_option_of_tomorrow=1"]],
    ],
}
TMPFS = {
    "types": ["tmpfs"],
    "device": [["tmpfs", "shm"]],
    "o": [
        *FLAGS,
        [
            ["size=100m", "size=104857600", "size=102400k", "size=104857599", "nr_blocks=25600", "size=1g,size=100M"],
            ["size=50%", ""],
            ["size=1g"],
            ["size=0", "nr_blocks=0"],
            ["size=10%"],
        ],
        [["", "mode=1777", "mode=01777", "mode=0,mode=1777"], ["mode=0755", "mode=755"]],
        [["", "uid=0"], ["uid=1000", "uid=0x3e8"]],
        [["", "gid=0"], ["gid=1000"]],
        [[""], ["nr_inodes=1k", "nr_inodes=1024"], ["nr_inodes=0"]],
        [["", "huge=never"], ["huge=always"]],
    ],
}
EXT4 = {
    "types": ["ext4"],
    "device": [["/dev/disk/by-id/x", "/dev//disk/by-id/x"], ["/dev/sdb"]],
    "o": [
        *FLAGS,
        [["", "barrier", "barrier=1", "nobarrier,barrier"], ["nobarrier", "barrier=0"]],
        [["", "commit=5", "commit=0"], ["commit=30"]],
        [["", "nodiscard"], ["discard"]],
        [["", "acl"], ["noacl"]],
        [["", "user_xattr"], ["nouser_xattr"]],
        [[""], ["noload", "norecovery"]],
        [[""], ["data=journal"], ["data=writeback"]],
        [[""], ["grpid", "bsdgroups"], ["nogrpid", "sysvgroups"]],
    ],
}
XFS = {
    "types": ["xfs"],
    "device": [["/dev/sdb"]],
    "o": [
        *FLAGS,
        [["", "inode64", "inode32,inode64"], ["inode32"]],
        [["", "nolargeio"], ["largeio"]],
        [["", "nogrpid", "sysvgroups"], ["grpid", "bsdgroups"]],
        [["", "uuid"], ["nouuid"]],
        [["", "nodiscard"], ["discard"]],
        [[""], ["logbsize=32k", "logbsize=32768"], ["logbsize=64k"]],
        [[""], ["allocsize=1m", "allocsize=1048576"]],
        [["", "noquota"], ["uquota", "usrquota", "quota"]],
        [["", "logbufs=8"], ["logbufs=4"]],
        [[""], ["pquota", "prjquota"]],
    ],
}
BTRFS = {
    "types": ["btrfs"],
    "device": [["/dev/sdb"]],
    "o": [
        *FLAGS,
        [[""], ["subvol=data", "subvol=/data", "subvol=/data/"], ["subvol=other"], ["subvol=/"]],
        [
            [
                "",
                "compress=no",
                "compress=none",
                "compress=zstd,compress=no",
                "compress-force=zstd,compress=none",
                "datacow",
            ],
            ["compress", "compress=zlib", "compress=zlib:3", "compress-force,compress", "nodatacow,compress"],
            ["compress=zstd", "compress=zstd:3"],
            ["compress=zstd:9"],
            ["compress-force=zstd", "compress=zlib,compress-force=zstd:3"],
            ["nodatacow", "compress=zstd,nodatacow", "nodatacow,nodatasum"],
            ["nodatasum", "nodatacow,datacow", "compress=no,nodatasum"],
        ],
        [["", "commit=30"], ["commit=5"]],
        [["", "noautodefrag"], ["autodefrag"]],
        [["", "treelog"], ["notreelog"]],
        [["", "max_inline=2048", "max_inline=2k"], ["max_inline=0"]],
        [[""], ["usebackuproot", "recovery"]],
        [[""], ["discard=async"], ["nodiscard"]],
    ],
}
BIND = {
    "types": ["none"],
    "device": [["/srv/www", "/srv//www/", "/srv/./www"], ["/srv/WWW"]],
    # Without ro the kernel ignores the other flags of a bind mount.
    "o": [
        [["", "rw", "noexec", "nosuid,noatime", "ro,rw"], ["ro", "ro,exec"], ["ro,noexec"], ["ro,nosuid"]],
        [["bind", "bind,defaults"], ["rbind"]],
    ],
}
NFS = {
    "types": ["nfs", "nfs4"],
    "device": [[":/srv/nfs/app", "10.0.0.5:/srv/nfs/app/", "files:/srv//nfs/app", ":/srv/./nfs/app"], [":/srv/nfs"]],
    "o": [
        [["addr=10.0.0.5", "addr=10.0.0.6,addr=10.0.0.5"], ["addr=10.0.0.6"], ["addr=files", "addr=Files."]],
        [
            ["nfsvers=4.2", "vers=4.2", "v4.2", "nfsvers=4,minorversion=2", "minorversion=2,vers=4"],
            ["vers=4.1", "v4.1"],
            ["nfsvers=4", "v4.0"],
        ],
        [["", "hard"], ["soft"], ["softerr"]],
        [["", "tcp", "proto=tcp", "proto=tcp6"], ["rdma", "proto=rdma"]],
        [["", "rw", "defaults"], ["ro"]],
        [["", "exec"], ["noexec"]],
        [["", "suid"], ["nosuid"]],
        [["", "relatime", "atime", "norelatime"], ["noatime"], ["strictatime"]],
        [["", "timeo=600"], ["timeo=100"]],
        [["", "retrans=2"], ["retrans=5"]],
        [["", "port=2049"], ["port=20049"]],
        [["", "lookupcache=all"], ["lookupcache=positive", "lookupcache=pos"], ["lookupcache=none"]],
        [["", "ac"], ["noac"]],
        [["", "cto"], ["nocto"]],
        [["", "sharecache"], ["nosharecache"]],
        [["", "resvport"], ["noresvport"]],
        [[""], ["actimeo=9", "acregmin=9,acregmax=9,acdirmin=9,acdirmax=9"], ["acregmin=9"]],
        [["", "bg", "fg", "intr", "nointr", "retry=3"]],
        [["", "nolock", "lock", "local_lock=all", "noacl"]],
        [[""], ["rsize=1048576"], ["rsize=8192"]],
        [[""], ["sec=krb5"], ["sec=sys"]],
        [[""], ["nconnect=4"]],
    ],
}
BACKENDS = {
    "nfs": NFS,
    "cifs": CIFS,
    "cephfs": CEPHFS,
    "tmpfs": TMPFS,
    "ext4": EXT4,
    "xfs": XFS,
    "btrfs": BTRFS,
    "bind": BIND,
}


def chosen_meanings(backend, chance):
    """One meaning for each setting, the device's first."""
    return [chance.randrange(len(setting)) for setting in (backend["device"], *backend["o"])]


def spelled(backend, chosen, chance):
    """Some spelling of these meanings, in some order."""
    device = chance.choice(backend["device"][chosen[0]])
    options = [chance.choice(setting[meant]) for setting, meant in zip(backend["o"], chosen[1:])]
    chance.shuffle(options)
    return recognise(
        "local", {"type": chance.choice(backend["types"]), "device": device, "o": ",".join(filter(None, options))}
    )


@pytest.mark.parametrize("name", BACKENDS)
@given(chance=st.randoms(use_true_random=True))
@settings(max_examples=60, deadline=None)
def test_any_order_and_spelling_of_one_meaning_compares_equal(name, chance):
    backend = BACKENDS[name]
    chosen = chosen_meanings(backend, chance)
    assert compare(spelled(backend, chosen, chance), spelled(backend, chosen, chance)) == ()


@pytest.mark.parametrize("name", BACKENDS)
@given(chance=st.randoms(use_true_random=True))
@settings(max_examples=60, deadline=None)
def test_a_change_of_one_meaning_is_found_whatever_the_spelling(name, chance):
    backend = BACKENDS[name]
    counts = [len(setting) for setting in (backend["device"], *backend["o"])]
    chosen = chosen_meanings(backend, chance)
    changed = chance.choice([number for number, count in enumerate(counts) if count > 1])
    others = list(chosen)
    others[changed] = (chosen[changed] + chance.randrange(1, counts[changed])) % counts[changed]
    one, other = spelled(backend, chosen, chance), spelled(backend, others, chance)
    assert compare(one, other)
    assert compare(other, one)


@pytest.mark.parametrize("name", BACKENDS)
def test_every_meaning_of_every_setting_is_told_from_the_others(name):
    """The same without chance: one setting at a time, all of its spellings against all others of it."""
    backend = BACKENDS[name]
    base = [setting[0][0] for setting in backend["o"]]
    for number, setting in enumerate(backend["o"]):
        read = [
            (meant, spelling, _read(backend, [*base[:number], spelling, *base[number + 1 :]]))
            for meant, spellings in enumerate(setting)
            for spelling in spellings
        ]
        for meant, spelling, meaning in read:
            for other_meant, other, other_meaning in read:
                assert (compare(meaning, other_meaning) == ()) == (meant == other_meant), (spelling, other)


def _read(backend, options):
    text = ",".join(filter(None, options))
    return recognise("local", {"type": backend["types"][0], "device": backend["device"][0][0], "o": text})


TUTORIALS = [
    (
        {"cifs": {"server": "10.0.0.5", "share": "office", "username": "u", "password": "p", "version": "default"}},
        {"type": "cifs", "device": "//10.0.0.5/office", "o": "username=u,password=p"},
    ),
    (
        {
            "cifs": {
                "server": "u1.your-server.de",
                "share": "backup",
                "username": "u1",
                "password": "p",
                "version": "default",
                "options": ["file_mode=0777", "dir_mode=0777"],
            }
        },
        {
            "type": "cifs",
            "device": "//u1.your-server.de/backup",
            "o": "addr=u1.your-server.de,username=u1,password=p,file_mode=0777,dir_mode=0777",
        },
    ),
    (
        {
            "cifs": {
                "server": "nas",
                "share": "Media",
                "path": "films",
                "username": "u",
                "password": "p",
                "version": "3.0",
            }
        },
        {"type": "cifs", "device": "//nas/media/films", "o": "addr=nas,user=u,pass=p,vers=3.0,rw"},
    ),
    (
        {"cifs": {"server": "nas", "share": "public", "version": "default"}},
        {"type": "cifs", "device": "//nas/public", "o": "addr=nas,username=,password="},
    ),
    (
        {"cephfs": {"monitors": ["10.0.0.7", "10.0.0.8"], "path": "/app", "secret": KEY}},
        {"type": "ceph", "device": "10.0.0.8:6789,10.0.0.7:6789:/app", "o": f"name=admin,secret={KEY},noexec,exec"},
    ),
    (
        {
            "cephfs": {
                "monitors": ["10.0.0.7"],
                "path": "/",
                "user": "app",
                "secret": KEY,
                "options": ["mds_namespace=a"],
            }
        },
        {"type": "ceph", "device": "app@b3acfc0d-575f.a=/", "o": f"mon_addr=10.0.0.7:6789,secret={KEY}"},
    ),
    (
        {"cephfs": {"monitors": ["10.0.0.7"], "user": "app", "secret": KEY, "options": ["mds_namespace=a"]}},
        {"type": "ceph", "device": "x@b3acfc0d-575f.a=/", "o": f"mon_addr=10.0.0.7:6789,name=app,secret={KEY}"},
    ),
    (
        {"cephfs": {"monitors": ["10.0.0.7"], "secret": KEY, "options": ["ms_mode=prefer-crc"]}},
        {"type": "ceph", "device": "10.0.0.7:3300:/", "o": f"ms_mode=prefer-crc,name=admin,secret={KEY}"},
    ),
    (
        {"block": {"device": "/dev/sdb1", "fs_type": "ext4"}},
        {"type": "ext4", "device": "/dev/sdb1", "o": "rw,relatime"},
    ),
    (
        {"block": {"device": "/dev/sdb1", "fs_type": "btrfs", "options": ["subvol=foo"]}},
        {"type": "btrfs", "device": "/dev/sdb1", "o": "subvol=/foo"},
    ),
    (
        {"tmpfs": {"size": "100m", "uid": 1000}},
        {"type": "tmpfs", "device": "tmpfs", "o": "size=100m,uid=1000"},
    ),
    ({"bind": {"path": "/srv/www"}}, {"type": "none", "device": "/srv/www", "o": "bind"}),
    (
        {"nfs": {"server": "10.0.0.5", "path": "/srv", "version": "4", "options": ["soft"]}},
        {"type": "nfs4", "device": "10.0.0.5:/srv", "o": "addr=10.0.0.5,rw,soft"},
    ),
    (
        {"nfs": {"server": "fs-1.efs.eu-central-1.amazonaws.com", "path": "/", "preset": "efs"}},
        {
            "type": "nfs",
            "device": ":/",
            "o": "addr=fs-1.efs.eu-central-1.amazonaws.com,nfsvers=4.1,rsize=1048576,wsize=1048576,hard,timeo=600,"
            "retrans=2,noresvport",
        },
    ),
    (
        {"glusterfs": {"volume": "gv0", "path": "media"}},
        {"type": "none", "device": "/mnt/glusterfs/gv0/media", "o": "bind"},
    ),
]


@pytest.mark.parametrize(("declared", "by_hand"), TUTORIALS)
def test_a_declaration_equals_the_tutorials_command_that_means_the_same(declared, by_hand):
    assert compare(volume(**declared).meaning, recognise("local", by_hand)) == ()


@pytest.mark.parametrize(("declared", "by_hand"), TUTORIALS)
def test_what_the_engine_gets_means_what_was_declared_by_raw_options(declared, by_hand):
    assert compare(volume(driver="local", driver_opts=by_hand).meaning, volume(**declared).meaning) == ()


def test_an_option_that_the_declaration_no_longer_has_is_found():
    declared = volume(block={"device": "/dev/sdb", "fs_type": "xfs"}).meaning
    (difference,) = compare(declared, recognise("local", {"type": "xfs", "device": "/dev/sdb", "o": "x_new=1"}))
    assert (difference.field, difference.declared, difference.actual) == ("x_new", None, 1)


def test_another_file_system_on_the_device_is_found():
    declared = volume(block={"device": "/dev/sdb", "fs_type": "xfs"}).meaning
    fields = [d.field for d in compare(declared, recognise("local", {"type": "ext4", "device": "/dev/sdb"}))]
    assert "fs_type" in fields


def test_the_name_by_which_a_server_is_called_matters_beside_its_address():
    by_name = recognise("local", {"type": "cifs", "device": "//files/s", "o": "addr=10.0.0.5,username=u"})
    by_address = recognise("local", {"type": "cifs", "device": "//10.0.0.5/s", "o": "username=u"})
    assert [difference.field for difference in compare(by_name, by_address)] == ["host_name"]


@pytest.mark.parametrize(
    ("options", "servers"),
    [
        ({"type": "cifs", "device": "//files/s", "o": "username=u"}, [("files", 445)]),
        ({"type": "cifs", "device": "//files/s", "o": "addr=10.0.0.5,port=1445,username=u"}, [("10.0.0.5", 1445)]),
        ({"type": "cifs", "device": "//files/s", "o": "rdma,username=u"}, []),
        ({"type": "ceph", "device": "10.0.0.8,[fd00::7]:6790:/", "o": ""}, [("10.0.0.8", 6789), ("fd00::7", 6790)]),
        (
            {"type": "ceph", "device": "a@1.b=/", "o": "mon_addr=10.0.0.8/10.0.0.7:3300"},
            [("10.0.0.7", 3300), ("10.0.0.8", 6789)],
        ),
        ({"type": "xfs", "device": "/dev/sdb"}, []),
    ],
)
def test_the_servers_to_ask_first_are_known(options, servers):
    assert recognise("local", options).servers == tuple(Endpoint(*server) for server in servers)


@pytest.mark.parametrize(
    "options",
    [
        {"type": "tmpfs", "device": "none"},
        {"type": "tmpfs", "device": "none", "o": "noexec"},
        {"type": "none", "device": "none", "o": "bind"},
        {"type": "tmpfs", "device": "tmpfs", "o": "remount"},
    ],
)
def test_a_volume_for_which_the_engine_mounts_nothing_holds_its_data(options):
    assert recognise("local", options).data == HOLDS
    assert compare(volume().meaning, recognise("local", options)) == ()


def test_a_quota_of_the_engine_on_what_it_mounts_is_found():
    made = recognise("local", {"type": "none", "device": "/srv", "o": "bind", "size": "1g"})
    assert [difference.field for difference in compare(volume(bind={"path": "/srv"}).meaning, made)] == ["quota"]


@pytest.mark.parametrize(("one", "other"), [("1g", "1024m"), ("1.5g", "1536MiB"), ("10GB", "10 gib")])
def test_sizes_of_a_local_volume_are_read_as_the_engine_reads_them(one, other):
    assert compare(recognise("local", {"size": one}), recognise("local", {"size": other})) == ()


@pytest.mark.parametrize(("one", "other"), [("docker.io/vieux/sshfs", "vieux/sshfs:latest"), ("x", "x:latest")])
def test_spellings_of_a_plugins_name_are_one(one, other):
    assert compare(recognise(one, {"a": 1, "b": True}), recognise(other, {"a": "1", "b": "True"})) == ()


@given(
    st.dictionaries(st.text("abc_", min_size=1), st.one_of(st.booleans(), st.integers(), st.text("ab01")), max_size=4)
)
@settings(max_examples=60, deadline=None)
def test_options_of_a_plugin_compare_as_the_texts_that_the_engine_stores(options):
    stored = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in options.items()}
    assert compare(recognise("x", options), recognise("x:latest", stored)) == ()
    assert compare(recognise("x", {**options, "new": "1"}), recognise("x:latest", stored))
    assert compare(recognise("x", options), recognise("x:latest", {**stored, "old": ""}))


PASSWORDS = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=12)


@given(PASSWORDS)
@settings(max_examples=200, deadline=None)
def test_a_password_is_in_nothing_that_is_shown_and_means_itself(password):
    secret = f"hush{password}hush"  # long enough to be told from the rest
    declared = volume(cifs={"server": "f", "share": "s", "username": "u", "password": secret})
    assert declared.meaning.fields["password"] == secret
    assert "hush" not in str(redacted(declared.driver_opts))
    assert secret in secret_values(declared.driver_opts)
    other = volume(cifs={"server": "f", "share": "s", "username": "u", "password": "mum"})
    (difference,) = compare(declared.meaning, other.meaning)
    assert difference.field == "password"
    assert "hush" not in str(difference.as_dict()) + "mum"


def test_the_values_to_hide_are_those_that_the_kernel_would_read():
    # A part of a password, perhaps a single letter, would be hidden wherever it stands.
    assert secret_values({"type": "cifs", "o": "username=u,pass=p,,q,vers=3", "device": "x"}) == {"p,q", "p,,q"}
    assert secret_values({"type": "ceph", "o": "name=u,,secret=hush,,rbytes"}) == {"hush"}
    assert secret_values({"api_token": "hush", "url": "u"}) == {"hush"}


def test_the_options_of_a_volume_are_shown_without_their_secrets():
    shown = redacted({"o": "addr=f,username=u,password=a,,b,,c,vers=3,secret=x,pass=y", "type": "cifs"})
    assert shown["o"] == "addr=f,username=u,password=(hidden),vers=3,secret=(hidden),pass=(hidden)"
