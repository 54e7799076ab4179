#!/usr/bin/env bash
# Builds Kubernetes 1.20.2 from Debian bookworm's own source package. Runs in the builder container:
# /build is scratch space, /out takes the binaries.
set -euo pipefail
export HOME=/root CGO_ENABLED=0 PATH=/usr/lib/go-1.19/bin:$PATH
cd /build
apt-get update -qq
apt-get source -qq 'kubernetes=1.20.5+really1.20.2*' >/dev/null 2>&1 || apt-get source -qq kubernetes
cd kubernetes-*/
# The vendored reflect2 1.0.1 crashes when built with Go >= 1.18; Debian's package of 1.0.2 does not.
rm -rf vendor/github.com/modern-go/reflect2
cp -rL /usr/share/gocode/src/github.com/modern-go/reflect2 vendor/github.com/modern-go/reflect2
rm -rf vendor/github.com/modern-go/reflect2/{*_test.go,test}
# Outside a git clone the build needs to be told its version.
printf '%s\n' "KUBE_GIT_COMMIT='debian'" "KUBE_GIT_TREE_STATE='clean'" "KUBE_GIT_VERSION='v1.20.2'" \
  "KUBE_GIT_MAJOR='1'" "KUBE_GIT_MINOR='20'" > /build/version
mkdir -p .go/src/k8s.io
ln -sfn ../../.. .go/src/k8s.io/kubernetes
export GOPATH=$PWD/.go KUBE_GIT_VERSION_FILE=/build/version GOFLAGS=-tags=providerless
binaries=(kubeadm kubelet kubectl kube-apiserver kube-controller-manager kube-scheduler kube-proxy)
make WHAT="${binaries[*]/#/cmd/}"
for binary in "${binaries[@]}"; do cp _output/local/bin/linux/*/"$binary" /out/; done
gcc -static -Os -o /out/pause build/pause/linux/pause.c
strip /out/*
