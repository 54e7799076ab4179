#!/usr/bin/python3
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image under node-problem-detector's name of which nothing is its own, made on a node of the lab from the bundle's busybox.

Usage: image.py ARCHIVE REFERENCE. Its /node-problem-detector only sleeps, so that the DaemonSet's pods run as they should;
node-problem-detector's part is played beside them (node_problem_detector.py).
"""

import hashlib
import io
import json
import sys
import tarfile

BUNDLE = "/opt/kubernetes-bundle/images/node.tar"
PROGRAM = b"#!/bin/sh\ntrap exit TERM\nwhile :; do sleep 1; done\n"


def entry(tar, name, content, mode=0o644):
    made = tarfile.TarInfo(name)
    made.mode, made.size = mode, len(content)
    tar.addfile(made, io.BytesIO(content))


def main():
    archive, reference = sys.argv[1:]
    with tarfile.open(BUNDLE) as source:

        def read(name):
            return source.extractfile(name).read()

        busybox = next(one for one in json.loads(read("manifest.json")) if "busybox" in one["RepoTags"][0])
        configuration = json.loads(read(busybox["Config"]))
        layers = {name: read(name) for name in busybox["Layers"]}
    own = io.BytesIO()
    with tarfile.open(fileobj=own, mode="w") as tar:
        entry(tar, "node-problem-detector", PROGRAM, 0o755)
    digest = hashlib.sha256(own.getvalue()).hexdigest()
    layers[digest + ".tar"] = own.getvalue()
    configuration["rootfs"]["diff_ids"].append("sha256:" + digest)
    text = json.dumps(configuration).encode()
    name = hashlib.sha256(text).hexdigest() + ".json"
    manifest = [{"Config": name, "RepoTags": [reference], "Layers": list(layers)}]
    with tarfile.open(archive, "w") as tar:
        for path, content in [*layers.items(), (name, text), ("manifest.json", json.dumps(manifest).encode())]:
            entry(tar, path, content)


if __name__ == "__main__":
    main()
