#!/usr/bin/python3
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plays node-problem-detector's custom plugin monitor for the tests, on the node itself; it is not node-problem-detector.

What it plays: the configuration and the plugin that the kubelet has laid out for the DaemonSet's pod, whether its image is there or
not; the plugin's exit code as a status, its text as a message, both of them set when the status changes, with an event; and
heartbeats. As its custom_plugin_monitor.go and helpers.go (v1.35.3) have it. It monitors no kernel.
"""

import glob
import json
import os
import re
import socket
import ssl
import subprocess
import time
import urllib.request

CONFIGURATIONS = "/var/lib/kubelet/pods/*/volumes/kubernetes.io~configmap/config/monitor.json"
KUBELET_CONF = "/etc/kubernetes/kubelet.conf"
CERTIFICATE = "/var/lib/kubelet/pki/kubelet-client-current.pem"
CA = "/etc/kubernetes/pki/ca.crt"
MOUNT = "/hardware/"
STATUS = {0: "False", 1: "True"}
HEARTBEAT = 300


def stamp():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def ask(rule, folder):
    """The rule's exit code and text."""
    path = os.path.join(folder, rule["path"][len(MOUNT) :]) if rule["path"].startswith(MOUNT) else rule["path"]
    done = subprocess.run([path, *rule.get("args", [])], stdout=subprocess.PIPE, universal_newlines=True, timeout=60)
    return done.returncode, done.stdout.strip()


def after(before, rule, default, code, text, longest):
    """The condition after this answer, and what an event says of it; None where nothing has changed."""
    status = STATUS.get(code, "Unknown")
    if status == before.get("status"):
        return before, None
    reason = rule["reason"] if status == "True" else default["reason"]
    message = default["message"] if status == "False" else text[:longest]
    now = {"type": rule["condition"], "status": status, "reason": reason, "message": message, "lastTransitionTime": stamp()}
    said = "Node condition %s is now: %s, reason: %s, message: %s" % (now["type"], status, reason, json.dumps(message))
    return now, {"type": "Warning" if status == "True" else "Normal", "reason": reason, "message": said}


def request(method, path, body, kind):
    with open(KUBELET_CONF) as handle:
        server = re.search(r"server: (\S+)", handle.read()).group(1)
    context = ssl.create_default_context(cafile=CA)
    context.load_cert_chain(CERTIFICATE)
    asked = urllib.request.Request(server + path, json.dumps(body).encode(), {"Content-Type": kind}, method=method)
    urllib.request.urlopen(asked, context=context, timeout=20).close()


def set_conditions(node, conditions):
    beats = [dict(condition, lastHeartbeatTime=stamp()) for condition in conditions]
    patch = {"status": {"conditions": beats}}
    request("PATCH", "/api/v1/nodes/%s/status" % node, patch, "application/strategic-merge-patch+json")


def make_event(node, source, event):
    body = {
        "metadata": {"generateName": node + ".", "namespace": "default"},
        # Without a uid, as problem_client.go has it: `kubectl describe node` does not find it.
        "involvedObject": {"apiVersion": "v1", "kind": "Node", "name": node},
        "source": {"component": source, "host": node},
        "firstTimestamp": stamp(),
        "lastTimestamp": stamp(),
        "count": 1,
    }
    request("POST", "/api/v1/namespaces/default/events", dict(body, **event), "application/json")


def main():
    node = socket.gethostname()
    conditions = {}
    told = 0.0
    while True:
        found = sorted(glob.glob(CONFIGURATIONS), key=os.path.getmtime)
        if not found:
            time.sleep(5)
            continue
        with open(found[-1]) as handle:
            configuration = json.load(handle)
        plugin = configuration["pluginConfig"]
        defaults = {one["type"]: one for one in configuration["conditions"]}
        events = []
        for rule in configuration["rules"]:
            code, text = ask(rule, os.path.dirname(found[-1]))
            name = rule["condition"]
            # False to begin with, of which there is no event.
            before = conditions.get(name) or dict(defaults[name], status="False", lastTransitionTime=stamp())
            conditions[name], event = after(before, rule, defaults[name], code, text, plugin["max_output_length"])
            events += [event] if event else []
        try:
            if events or time.time() - told > HEARTBEAT:
                set_conditions(node, list(conditions.values()))
                told = time.time()
            for event in events:
                make_event(node, configuration["source"], event)
        except OSError as error:
            print("the API: %s" % error, flush=True)
            told = 0.0
        time.sleep(int(plugin["invoke_interval"].rstrip("s")))


if __name__ == "__main__":
    main()
