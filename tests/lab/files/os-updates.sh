# A distribution that has one newer package, which wants a reboot as a kernel does: run on a node of a test.
set -e
mkdir -p /opt/updates && cd /opt/updates
for version in 1.0 2.0; do
  rm -rf news && mkdir -p news/DEBIAN
  printf 'Package: lab-news\nVersion: %s\nArchitecture: all\nMaintainer: lab\nDescription: lab\n' $version > news/DEBIAN/control
  printf '#!/bin/sh\nif [ "$2" ]; then touch /run/reboot-required; fi\n' > news/DEBIAN/postinst && chmod 0755 news/DEBIAN/postinst
  dpkg-deb --build news lab-news-$version.deb > /dev/null
done
dpkg --install lab-news-1.0.deb > /dev/null
{ dpkg-deb --field lab-news-2.0.deb; printf 'Filename: ./lab-news-2.0.deb\nSize: %s\nSHA256: %s\n' \
  $(stat --format %s lab-news-2.0.deb) $(sha256sum lab-news-2.0.deb | cut -d' ' -f1); } > Packages
rm -f /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/opt/updates ./' > /etc/apt/sources.list
