#!/bin/sh
# Copyright (c) 2026 berthage.swarm contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Runs inside the new root file system's build (mmdebstrap calls it with the root directory). STAGE holds what the lab
# prepared: rootfs/ (files to copy), keys, certificates. EXTRA names the packages that a scenario wants besides.
set -eu
root=$1

cp -r --no-preserve=ownership "$STAGE/rootfs/." "$root/"
chmod 0755 "$root/usr/local/sbin/lab-network"

install -d -m 0700 "$root/root/.ssh"
install -m 0600 "$STAGE/authorized_keys" "$root/root/.ssh/authorized_keys"
rm -f "$root"/etc/ssh/ssh_host_*
install -m 0600 "$STAGE/host_ed25519" "$root/etc/ssh/ssh_host_ed25519_key"
install -m 0644 "$STAGE/host_ed25519.pub" "$root/etc/ssh/ssh_host_ed25519_key.pub"

if [ -d "$STAGE/authorities" ]; then
  cp "$STAGE"/authorities/* "$root/usr/local/share/ca-certificates/"
  chroot "$root" update-ca-certificates >/dev/null
fi

# The network comes from lab-network; nothing may fetch packages or wait for a console behind a test's back.
chroot "$root" systemctl enable lab-network.service ssh.service >/dev/null 2>&1
for unit in systemd-networkd.service systemd-networkd.socket systemd-networkd-wait-online.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  getty@tty1.service serial-getty@.service console-getty.service container-getty@.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done

# Installed is not started: what the roles start must not be running because the package came with the image.
for unit in docker.service docker.socket containerd.service glusterd.service nfs-server.service nfs-ganesha.service \
  nfs-ganesha-lock.service nfs-blkmap.service rpcbind.service rpcbind.socket rpc-statd.service; do
  chroot "$root" systemctl disable "$unit" >/dev/null 2>&1 || true
done

for unit in $(for package in $EXTRA; do chroot "$root" dpkg --listfiles "$package"; done |
  sed -n 's|.*/systemd/system/\([^/@]*\.\(service\|socket\|target\|timer\)\)$|\1|p'); do
  chroot "$root" systemctl disable "$unit" >/dev/null 2>&1 || true
done

# A unique id for each host, made at its first start.
: > "$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id" "$root/etc/resolv.conf" "$root/etc/hostname"

# The apt module reads the package cache at each call: one that is made already saves half a minute on slow hosts.
# The archive carries no time later than the build's beginning, and apt trusts its cache only as long as times agree.
rm -f "$root"/var/cache/apt/archives/*.deb
find "$root/var/lib/apt" "$root/var/lib/dpkg" "$root/etc/apt" -newermt "@$SOURCE_DATE_EPOCH" \
  -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
chroot "$root" apt-cache gencaches >/dev/null
