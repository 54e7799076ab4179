#!/usr/bin/env bash
# Builds what build-kubernetes.sh builds, under another version's number. Runs in the builder container: /source has that script, and
# the two numbers in the file versions.
set -euo pipefail
read -r from to < /source/versions
sed "s/KUBE_GIT_VERSION='v$from'/KUBE_GIT_VERSION='v$to'/" /source/build-kubernetes.sh > /build/build-restamped.sh
grep -q "KUBE_GIT_VERSION='v$to'" /build/build-restamped.sh
bash /build/build-restamped.sh
