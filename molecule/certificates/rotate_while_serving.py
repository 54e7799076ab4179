#!/usr/bin/env python3
"""Replaces the cluster's CAs and the key of its service accounts while the API is in use.

Usage: rotate_while_serving.py INVENTORY. Each phase is killed once in its middle and started again. Fails unless the API was served
throughout, no acknowledged write is lost, nothing of the old CAs is left on a host, who trusts the old one alone is not served any
more, and the same words change nothing then. Users have the kubeconfig of one phase in the next.
"""

from __future__ import annotations

import base64
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
from typing import Dict, Set

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "shared"))

from watch import Watch  # noqa: E402

from playbooks import Playbooks, changed, check, on_node  # noqa: E402

#: Where a run stops; the task inside which it is killed before, and how many seconds of it may pass.
PHASES = (
    ("trusted", "Take this host to the phase trusted", 8.0),
    ("signed", "Take this host to the phase signed", 12.0),
    ("", "Take this host to the phase alone", 8.0),
)
#: All that holds certificates on a host of Kubernetes.
FILES = (
    "/etc/kubernetes/pki/*.crt /etc/kubernetes/pki/etcd/*.crt /etc/haproxy/*.crt /var/lib/kubelet/pki/kubelet-client-current.pem"
)


def authority(kubeconfig: pathlib.Path) -> str:
    (data,) = re.findall(r"certificate-authority-data: (\S+)", kubeconfig.read_text())
    return base64.b64decode(data).decode()


def refused(kubeconfig: pathlib.Path) -> str:
    """What kubectl says to a user of the old CA."""
    server = re.findall(r"server: https://(\S+)", kubeconfig.read_text())[0]
    with tempfile.NamedTemporaryFile("w") as trusted:
        trusted.write(authority(kubeconfig))
        trusted.flush()
        argv = ["openssl", "s_client", "-connect", server, "-CAfile", trusted.name, "-verify_return_error"]
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def tokens_of_accounts(address: str) -> Set[str]:
    """The Secrets that service accounts log in with. The watch's own namespace comes and goes with each phase."""
    names = 'jsonpath={range .items[*]}{.metadata.namespace}/{.metadata.name}{"\\n"}{end}'
    ask = "kubectl --kubeconfig /etc/kubernetes/admin.conf get secrets --all-namespaces"
    found = on_node(address, "%s --field-selector=type=kubernetes.io/service-account-token --output='%s'" % (ask, names))
    return {name for name in found.decode().split() if not name.startswith("drill-")}


def main() -> None:
    playbooks = Playbooks(sys.argv[1])
    groups = yaml.safe_load((playbooks.inventory / "hosts.yml").read_text())["all"]["children"]
    nodes: Dict[str, str] = {
        name: host["ansible_host"] for group in ("control_plane", "workers") for name, host in groups[group]["hosts"].items()
    }
    first = nodes["cp1"]
    kubeconfig = playbooks.inventory / "kubeconfig-upgrade.cfg"
    kubeconfig.write_bytes(on_node(first, "cat /etc/kubernetes/admin.conf"))
    former = pathlib.Path(tempfile.mkdtemp()) / "former"
    shutil.copy(kubeconfig, former)

    report = playbooks.run("certificates", "--check")
    (old,) = set(re.findall(r"the cluster's CA is (sha256:[0-9a-f]{64})", report))
    wrong = playbooks.start("certificates", "-e", "certificates_rotate_ca=true")
    output, _ = wrong.communicate()
    check(wrong.returncode != 0 and old in output, "what names no CA was not refused with the name to write", output)
    check(changed(output) == 0, "a refused rotation changed something", output)
    named = "certificates_rotate_ca=" + old
    looked = playbooks.run("certificates", "--check", "-e", named)
    check("the CA %s is replaced" % old in looked and changed(looked) == 0, "check mode does not say what it would do", looked)

    tokens = tokens_of_accounts(first)
    check("kube-system/" in " ".join(tokens), "no service account has a token in a Secret", tokens)
    outages: Dict[str, float] = {}
    for until, task, after in PHASES:
        words = ["-e", named, "-e", "certificates_rotate_ca_until=" + until]
        with Watch(kubeconfig) as watch:
            playbooks.kill_inside(task, after, "certificates", *words)
            playbooks.run("certificates", *words)
        print("phase %s: %s" % (until or "alone", watch.result), flush=True)
        check(not watch.result["lost"], "acknowledged writes were lost", watch.result)
        check(watch.result["acknowledged"] > 50, "hardly anything was written", watch.result)
        outages[until or "alone"] = watch.result["outage"]
    again = playbooks.run("certificates", "-e", named)
    check(changed(again) == 0 and "its rotation has ended" in again, "the same words still changed something", again)

    check(authority(kubeconfig).count("BEGIN") == 1 and authority(kubeconfig) != authority(former), "the old CA is trusted", "")
    check("verify" in refused(former) and not refused(kubeconfig), "who trusts the old CA alone is still served", refused(former))
    old_body = authority(former).split("-----")[2].strip().splitlines()[5]
    for name, address in nodes.items():
        left = on_node(
            address,
            "grep -l '%s' %s 2>/dev/null || true; ls -d /etc/kubernetes/pki/rotation 2>/dev/null || true" % (old_body, FILES),
        )
        check(not left, "%s still has something of the old CA" % name, left)
    after_all = tokens_of_accounts(first)
    check(tokens == after_all, "tokens of service accounts came or went", tokens ^ after_all)
    # A pod's own token, signed anew, is good: kube-proxy, CoreDNS and a new pod of verify's live on theirs.
    playbooks.run("verify", "-e", "verify_network=true")
    # Last: how busy the machine was must not hide what else is wrong.
    check(max(outages.values()) <= 3, "the API was away for more than three seconds", outages)


if __name__ == "__main__":
    main()
