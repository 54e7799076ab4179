#!/bin/sh
# Runs once, while the node image is built.
set -eu
chmod 0700 /root/.ssh
chmod 0600 /root/.ssh/authorized_keys /etc/ssh/ssh_host_*_key
find /etc/ssh -name 'ssh_host_*' ! -name 'ssh_host_ed25519_key*' -delete
printf 'HostKey /etc/ssh/ssh_host_ed25519_key\nUseDNS no\nPermitRootLogin prohibit-password\nMaxStartups 100\n' \
  > /etc/ssh/sshd_config.d/lab.conf
# The roles start these; a provider's image would not run them either.
systemctl disable containerd keepalived haproxy etcd nginx ipvsadm
rm -f /etc/haproxy/haproxy.cfg /etc/keepalived/*
systemctl enable ssh
# Hardware that a container has not
systemctl mask systemd-udev-trigger.service systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket \
  getty.target console-getty.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer
# systemd gives each node its own
: > /etc/machine-id
rm -f /var/lib/dbus/machine-id
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' > /etc/hosts
# Nodes reach no mirror: apt knows only the repositories that the roles add.
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/* /var/cache/apt/*.bin
mkdir -p /opt/cni/bin /opt/kubernetes-bundle
