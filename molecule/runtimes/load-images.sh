#!/bin/sh
# The lab's images, flattened for Docker, which finds duplicate paths in their layers (containerd does not mind).
set -eu
images="ctr ${CTR_ADDRESS:-} --namespace k8s.io images"
$images import "$1" > /dev/null
for reference in $($images list --quiet | grep -v '^sha256:'); do
  place=$(mktemp --directory)
  $images mount "$reference" "$place" > /dev/null
  case $reference in
    */pause:*) entry='ENTRYPOINT ["/pause"]' ;;
    */coredns:*) entry='ENTRYPOINT ["/coredns"]' ;;
    *) entry='ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' ;;
  esac
  tar --directory "$place" --create . | docker image import --change "$entry" - "$reference"
  $images unmount "$place" > /dev/null
  rmdir "$place"
done
