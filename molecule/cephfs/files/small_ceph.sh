#!/bin/bash
# SPDX-FileCopyrightText: 2026 berthage.swarm contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# small_ceph.sh ADDRESS: a Ceph of one monitor, one OSD that keeps its objects in memory, and one MDS, with the file system
# `small`. /root/apps.secret is the key of client.apps, which may use the directory /apps. /mnt/small is the whole of it.
#
# The way is that of Ceph's manual deployment (https://docs.ceph.com/en/pacific/install/manual-deployment/). No manager
# runs, since nothing here needs what it counts.
set -euo pipefail

address=$1
name=$(hostname)
made=$(mktemp -d)
fsid=$(cat /proc/sys/kernel/random/uuid)
osd=$(cat /proc/sys/kernel/random/uuid)

cat > /etc/ceph/ceph.conf <<END
[global]
fsid = $fsid
mon host = [v2:$address:3300,v1:$address:6789]
mon allow pool size one = true
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 268435456
osd pool default size = 1
osd pool default pg num = 8
osd pool default pg autoscale mode = off
END

# Before a pool is made the monitor forks and closes every number that a file could have. Of the million that its unit
# allows, that takes a minute on User-Mode Linux.
mkdir -p /etc/systemd/system/ceph-mon@.service.d
printf '[Service]\nLimitNOFILE=1024\n' > /etc/systemd/system/ceph-mon@.service.d/lab.conf
systemctl daemon-reload

key() { # ENTITY FILE CAPABILITIES...: a new key, known to the monitor from its first start
  ceph-authtool "$2" --create-keyring --gen-key --name "$1" "${@:3}"
  chmod 0600 "$2"
  ceph-authtool "$made/keys" --import-keyring "$2"
}

mkdir -p "/var/lib/ceph/mon/ceph-$name" /var/lib/ceph/osd/ceph-0 "/var/lib/ceph/mds/ceph-$name"
ceph-authtool "$made/keys" --create-keyring --gen-key --name mon. --cap mon 'allow *'
key client.admin /etc/ceph/ceph.client.admin.keyring --cap mon 'allow *' --cap osd 'allow *' --cap mds 'allow *'
key osd.0 /var/lib/ceph/osd/ceph-0/keyring --cap mon 'allow profile osd' --cap osd 'allow *'
key "mds.$name" "/var/lib/ceph/mds/ceph-$name/keyring" --cap mon 'allow profile mds' --cap osd 'allow *' --cap mds 'allow *'
key client.apps "$made/apps" --cap mon 'allow r' --cap osd 'allow rw tag cephfs data=small' --cap mds 'allow rw path=/apps'
monmaptool --create --fsid "$fsid" --addv "$name" "[v2:$address:3300,v1:$address:6789]" "$made/monmap"

chown -R ceph:ceph "$made" /var/lib/ceph
ceph-mon --mkfs --id "$name" --monmap "$made/monmap" --keyring "$made/keys" --setuser ceph --setgroup ceph
systemctl start "ceph-mon@$name.service"

# All in one call: the program takes seconds to start here.
ceph <<END
osd new $osd
osd pool create meta
osd pool create data
fs new small meta data
END
ceph-osd --mkfs --id 0 --osd-uuid "$osd" --setuser ceph --setgroup ceph
systemctl start ceph-osd@0.service "ceph-mds@$name.service"

umask 0077
ceph-authtool "$made/apps" --name client.apps --print-key > /root/apps.secret
ceph-authtool /etc/ceph/ceph.client.admin.keyring --name client.admin --print-key > "$made/admin"
rm -r "$made/keys"

# The kernel refuses the mount until the MDS is active.
mkdir -p /mnt/small
for _ in $(seq 60); do
  mount -i -t ceph "$address:/" /mnt/small -o "name=admin,secret=$(cat "$made/admin")" 2>/dev/null && break
  sleep 1
done
rm -r "$made"
mountpoint /mnt/small
mkdir -p /mnt/small/apps/data
