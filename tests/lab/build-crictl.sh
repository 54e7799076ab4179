#!/usr/bin/env bash
# Builds tests/lab/crictl against the CRI API and gRPC that Debian's kubernetes source carries. Runs in the builder container:
# /build is scratch space, /source holds main.go, /out takes the binary.
set -euo pipefail
export HOME=/root CGO_ENABLED=0 PATH=/usr/lib/go-1.19/bin:$PATH
cd /build
apt-get update -qq
apt-get source -qq kubernetes >/dev/null 2>&1
cd kubernetes-*/
mkdir -p .go/src/k8s.io cmd/lab-crictl
ln -sfn ../../.. .go/src/k8s.io/kubernetes
cp /source/main.go cmd/lab-crictl/
export GOPATH=$PWD/.go GO111MODULE=off
cd .go/src/k8s.io/kubernetes
go build -trimpath -ldflags '-s -w' -o /out/crictl ./cmd/lab-crictl
