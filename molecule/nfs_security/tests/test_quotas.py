# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Quotas of exports, met by a client of the kernel's server on ext4 and xfs."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
from checks import lab_variables, node
from module_calls import module

testinfra_hosts = ["ansible://server"]

MOUNT_POINT = "/mnt/quotas"
MIB = 1024 * 1024
# Makes directories, each with another one and a file in it, until it is killed.
MAKER = """
import itertools, os, sys, time
for number in itertools.count():
    os.makedirs(f"{sys.argv[1]}/made-{number}/deep")
    open(f"{sys.argv[1]}/made-{number}/deep/file", "w").close()
    time.sleep(0.02)
"""


@pytest.fixture(params=["on-ext4", "on-xfs"])
def directory(request, host):
    """A directory on a file system with project quotas, empty and exported by nobody, also when the test is done."""
    path = f"/srv/nfs/{request.param}/data"
    host.check_output(f"rm -rf {path} && install -d -m 0777 {path}")
    yield path
    node("client").run(f"umount -l {MOUNT_POINT}")
    apply(host, [])
    host.check_output(f"rm -rf {path}")


def test_a_client_writes_up_to_the_quota_and_not_beyond(host, directory):
    made = apply(host, [export(directory, quota="8M")])
    assert made["changed"], made
    mount(directory)
    assert written("small", 4).rc == 0
    beyond = written("large", 16)
    assert beyond.rc != 0
    assert re.search("Disk quota exceeded|No space left on device", beyond.stderr), beyond.stderr
    held = int(host.check_output(f"du -s -B1 {directory} | cut -f1"))
    assert 4 * MIB <= held <= 8 * MIB
    # The file system itself has room: beside the directory there is no such limit.
    host.check_output(f"dd if=/dev/zero of={directory}/../beside bs=1M count=32 conv=fsync; rm {directory}/../beside")


def test_a_second_run_changes_nothing_and_a_higher_quota_lets_more_in(host, directory):
    apply(host, [export(directory, quota="8M")])
    mount(directory)
    assert written("large", 16).rc != 0
    before = registry(host)
    again = apply(host, [export(directory, quota="8192K")])
    assert again["changed"] is False, again
    assert registry(host) == before
    raised = apply(host, [export(directory, quota="32M")])
    assert raised["exports"][0]["drift"] == [{"field": "quota", "declared": "32M", "actual": "8M"}]
    assert written("large", 16).rc == 0
    assert registry(host) == before


def test_a_quota_declared_no_more_is_gone_and_what_was_written_is_not(host, directory):
    apply(host, [export(directory, quota="8M")])
    mount(directory)
    assert written("small", 4).rc == 0
    assert written("large", 16).rc != 0
    preview = apply(host, [export(directory)], check=True)
    gone = apply(host, [export(directory)])
    assert preview["changed"]
    assert gone["exports"] == preview["exports"]
    assert gone["exports"][0]["drift"] == [{"field": "quota", "declared": None, "actual": "8M"}]
    assert written("large", 16).rc == 0
    assert host.file(f"{directory}/small").size == 4 * MIB
    assert "berthage.quotas" not in registry(host)
    assert apply(host, [export(directory)])["changed"] is False


def test_what_the_directory_holds_already_counts(host, directory):
    host.check_output(f"mkdir {directory}/below && dd if=/dev/zero of={directory}/below/there bs=1M count=6 conv=fsync")
    host.check_output(f"ln -s /etc/passwd {directory}/below/link && mkfifo {directory}/below/fifo")
    apply(host, [export(directory, quota="8M")])
    mount(directory)
    assert written("little", 1).rc == 0
    assert written("much", 4).rc != 0
    assert apply(host, [export(directory, quota="8M")])["changed"] is False


def test_what_is_made_while_the_directory_gets_its_quota_counts_too(host, directory):
    host.check_output(f"mkdir {directory}/full && cd {directory}/full && seq 300 | xargs touch")
    host.check_output(f"nohup python3 -c {shlex.quote(MAKER)} {directory} >/dev/null 2>&1 & echo $! > /run/maker")
    try:
        made = apply(host, [export(directory, quota="8M")])
    finally:
        host.check_output("kill $(cat /run/maker)")
    assert made["changed"], made

    numbers = host.check_output(
        f"find {directory} -print0 | xargs -0 lsattr -d -p | awk '{{ print $1 }}' | sort | uniq -c"
    )
    assert len(numbers.splitlines()) == 1, numbers
    count, number = numbers.split()
    assert int(count) > 300 + 20, "nothing was made meanwhile"
    assert f"{number}:{directory}" in registry(host)


def test_a_path_that_is_a_link_gets_its_quota_and_loses_it(host, directory):
    link = f"{directory}-link"
    host.check_output(f"ln -sfn {directory} {link}")
    try:
        made = apply(host, [export(link, quota="8M")])
        assert made["changed"], made
        assert apply(host, [export(link, quota="8M")])["changed"] is False
        mount(directory)
        assert written("large", 16).rc != 0
        apply(host, [export(link)])
        assert "berthage.quotas" not in registry(host)
        assert written("large", 16).rc == 0
    finally:
        node("client").run(f"umount -l {MOUNT_POINT}")
        apply(host, [])
        host.check_output(f"rm {link}")


def test_a_quota_inside_of_another_one_is_refused_before_anything_changes(host, directory):
    inner = f"{directory}/inner"
    host.check_output(f"mkdir {inner}")
    both = [export(directory, quota="16M"), export(inner, quota="8M")]
    refused = apply(host, both)
    assert refused["changed"] is False
    assert f"{directory}, quota: holds {inner}, which has a quota too" in refused["msg"]
    assert f"{inner}, quota: lies in {directory}, which has a quota too" in refused["msg"]
    assert "berthage.quotas" not in registry(host)
    apply(host, [export(inner, quota="8M")])
    assert "holds" in apply(host, [export(directory, quota="16M")])["msg"]
    assert "berthage.quotas" in registry(host)


def test_a_quota_that_is_no_whole_number_of_blocks_is_no_drift(host, directory):
    apply(host, [export(directory, quota="10001K")])
    again = apply(host, [export(directory, quota="10001K")])
    assert again["changed"] is False, again


def test_a_withdrawn_export_takes_its_quota_with_it(host, directory):
    apply(host, [export(directory, quota="8M")])
    assert "berthage.quotas" in registry(host)
    apply(host, [])
    assert "berthage.quotas" not in registry(host)
    host.check_output(f"dd if=/dev/zero of={directory}/large bs=1M count=16 conv=fsync")


def test_a_project_of_somebody_else_is_refused_and_stays(host, directory):
    theirs = f"7:{directory}"
    host.check_output(f"echo {theirs} > /etc/projects; echo theirs:7 > /etc/projid")
    try:
        refused = apply(host, [export(directory, quota="8M")])
        assert "as project 7 (theirs), which is not ours" in refused["msg"]
        assert host.file("/etc/projects").content_string.strip() == theirs
        assert not host.file("/etc/exports.d/quotas.exports").exists
    finally:
        host.check_output("rm /etc/projects /etc/projid")


def test_a_refused_export_takes_its_quota_back(host, directory):
    refused = apply(host, [export(directory, quota="8M"), export("/proc/sys")])
    assert "The former exports are in force again." in refused["msg"], refused
    assert refused["changed"] is False
    assert "berthage.quotas" not in registry(host)
    host.check_output(f"dd if=/dev/zero of={directory}/large bs=1M count=16 conv=fsync")


def test_a_file_system_without_project_quotas_is_refused_with_the_remedy(host):
    host.check_output("mkdir -p /srv/nfs/without/data /run/in-memory")
    refused = apply(host, [export("/srv/nfs/without/data", quota="8M"), export("/run/in-memory", quota="8M")])
    assert refused["failed"]
    assert re.search(
        "/srv/nfs/without/data, quota: the ext4 file system on /dev/loop[0-9]+ does not enforce project quotas; "
        "unmount it, run `tune2fs -O project,quota -Q prjquota DEVICE`",
        refused["msg"],
    ), refused["msg"]
    assert "/run/in-memory, quota: its file system (tmpfs) has no project quotas" in refused["msg"]
    assert not host.file("/etc/exports.d/quotas.exports").exists


def export(path: str, quota: str | None = None) -> dict[str, Any]:
    return {"path": path, "clients": [{"host": lab_variables()["lab_subnet"]}], "quota": quota}


def apply(host: Any, exports: list[dict[str, Any]], *, check: bool = False) -> dict[str, Any]:
    return module(host, "nfs_exports", check=check, name="quotas", exports=exports)


def registry(host: Any) -> str:
    return str(host.run("stat -c '%i %Y' /etc/projects /etc/projid; cat /etc/projects /etc/projid").stdout)


def mount(directory: str) -> None:
    """By a user who is not root, whom the server treats as it treats containers' users."""
    done = node("client").run(
        f"mkdir -p {MOUNT_POINT} && umount {MOUNT_POINT} 2>/dev/null; "
        f"timeout 100 mount -t nfs4 -o sec=sys,retry=0,hard server:{directory} {MOUNT_POINT}"
    )
    assert done.rc == 0, done.stderr


def written(name: str, mebibytes: int) -> Any:
    """Write a new file as an ordinary user, and have it on the server."""
    return node("client").run(
        f"rm -f {MOUNT_POINT}/{name}; "
        f"setpriv --reuid=1234 --regid=1234 --clear-groups dd if=/dev/zero of={MOUNT_POINT}/{name} bs=1M "
        f"count={mebibytes} conv=fsync"
    )
