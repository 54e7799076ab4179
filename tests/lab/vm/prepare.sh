#!/bin/sh
# Runs once in the root file system, while the image of the virtual machines is built.
set -eu
chmod 0700 /root/.ssh
chown -R root:root /root/.ssh /etc/ssh
chmod 0600 /root/.ssh/authorized_keys /etc/ssh/ssh_host_*_key
find /etc/ssh -name 'ssh_host_*' ! -name 'ssh_host_ed25519_key*' -delete
mkdir -p /etc/ssh/sshd_config.d
printf 'HostKey /etc/ssh/ssh_host_ed25519_key\nUseDNS no\nPermitRootLogin prohibit-password\nMaxStartups 100\n' \
  > /etc/ssh/sshd_config.d/lab.conf
# Address and name come from the kernel's command line (ip=, systemd.hostname=): one image for all machines.
systemctl enable ssh systemd-networkd systemd-network-generator
# The roles start these; a provider's image would not run them either.
systemctl disable keepalived haproxy nginx ipvsadm nftables
rm -f /etc/haproxy/haproxy.cfg /etc/keepalived/*
systemctl mask systemd-networkd-wait-online.service getty.target apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
  e2scrub_all.timer e2scrub_reap.service fstrim.timer
# systemd gives each machine its own
: > /etc/machine-id
rm -f /var/lib/dbus/machine-id /etc/hostname
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' > /etc/hosts
# Machines reach no mirror.
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/* /var/cache/apt/*.bin
