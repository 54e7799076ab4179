#!/usr/bin/env python3
"""Lets every certificate of the cluster end tomorrow, and a worker's have ended, then renews them while the API is in use.

Usage: renew_while_serving.py INVENTORY. Fails unless the renewal, killed once in its middle, leaves each certificate renewed and in
use, the API was served throughout, no acknowledged write is lost, and a further run changes nothing.
"""

from __future__ import annotations

import base64
import datetime
import io
import pathlib
import re
import sys
import tarfile
import time
from typing import Dict, Optional

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "shared"))

from watch import Watch  # noqa: E402

from playbooks import Playbooks, changed, check, on_node  # noqa: E402

PKI = "etc/kubernetes/pki/"
#: Who signed what, by the beginning of the path; the first that fits holds.
AUTHORITIES = (
    (PKI + "etcd/", PKI + "etcd/ca"),
    (PKI + "apiserver-etcd-client", PKI + "etcd/ca"),
    (PKI + "front-proxy", PKI + "front-proxy-ca"),
    ("", PKI + "ca"),
)
COMPONENTS = "etcd kube-apiserver kube-controller-manager kube-scheduler"
DAY = datetime.timedelta(days=1)


def signed_again(pem: bytes, files: Dict[str, bytes], authority: str, begin: datetime.timedelta, end: datetime.timedelta) -> bytes:
    """The same certificate for the same key, valid between two moments seen from now."""
    old = x509.load_pem_x509_certificate(pem)
    issuer = x509.load_pem_x509_certificate(files[authority + ".crt"])
    key = serialization.load_pem_private_key(files[authority + ".key"], None)
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(old.subject).issuer_name(issuer.subject).public_key(old.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now + begin).not_valid_after(now + end)
    for extension in old.extensions:
        builder = builder.add_extension(extension.value, extension.critical)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)  # type: ignore[arg-type]


def authority_of(path: str) -> str:
    return next(authority for start, authority in AUTHORITIES if path.startswith(start))


def fetch(address: str, *paths: str) -> Dict[str, bytes]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(on_node(address, "cd / && tar c %s" % " ".join(paths)))) as archive:
        for member in archive.getmembers():
            stream = archive.extractfile(member)
            if stream is not None:
                found[member.name] = stream.read()
    return found


def put(address: str, files: Dict[str, bytes]) -> None:
    for path, content in files.items():
        on_node(address, "cat > /" + path, content)


def shorten(address: str) -> Dict[str, bytes]:
    """Let all that kubeadm issued on a control plane end tomorrow, and have its static pods run with that."""
    files = fetch(address, "etc/kubernetes/pki", "$(ls etc/kubernetes/*.conf)")
    short: Dict[str, bytes] = {}
    for path, content in files.items():
        if path.endswith(".crt") and not path.endswith("ca.crt"):
            short[path] = signed_again(content, files, authority_of(path), -DAY, DAY + datetime.timedelta(minutes=30))
        embedded = re.search(rb"client-certificate-data: (\S+)", content) if path.endswith(".conf") else None
        if embedded:
            pem = signed_again(base64.b64decode(embedded[1]), files, PKI + "ca", -DAY, DAY + datetime.timedelta(minutes=30))
            short[path] = content.replace(embedded[1], base64.b64encode(pem))
    put(address, short)
    # A kubelet that is started anew does not back off from what ended twice within minutes.
    kill = 'for name in %s; do pkill -x -f "$name .*" || true; done; sleep 5; systemctl restart kubelet'
    on_node(address, kill % COMPONENTS)
    local = "--server https://127.0.0.1:6443 --tls-server-name kubernetes"
    wait(address, "kubectl --kubeconfig /etc/kubernetes/admin.conf %s get --raw /readyz" % local)
    return files


def expire_kubelet(address: str, files: Dict[str, bytes]) -> None:
    """Let a kubelet's client certificate have ended yesterday."""
    path = "/var/lib/kubelet/pki/kubelet-client-current.pem"
    pem = on_node(address, "cat " + path)
    certificate, key = re.findall(rb"-----BEGIN.*?-----END[^\n]*\n", pem, re.DOTALL)[:2]
    expired = signed_again(certificate, files, PKI + "ca", -10 * DAY, -DAY)
    on_node(address, "cat > %s && systemctl restart kubelet" % path, expired + key)


def wait(address: str, command: str, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while on_node(address, "%s >/dev/null 2>&1 && echo good || true" % command).strip() != b"good":
        check(time.monotonic() < end, "%s: %s was not good after %d s" % (address, command, seconds))
        time.sleep(1)


def main() -> None:
    playbooks = Playbooks(sys.argv[1])
    groups = yaml.safe_load((playbooks.inventory / "hosts.yml").read_text())["all"]["children"]
    control_planes = [host["ansible_host"] for host in groups["control_plane"]["hosts"].values()]
    worker = next(iter(groups["workers"]["hosts"].values()))["ansible_host"]
    check(changed(playbooks.run("certificates")) == 0, "a renewal changed something where nothing was due")

    files: Optional[Dict[str, bytes]] = None
    for address in control_planes:
        files = shorten(address)
    assert files is not None
    expire_kubelet(worker, files)
    kubeconfig = playbooks.inventory / "kubeconfig-upgrade.cfg"
    kubeconfig.write_bytes(on_node(control_planes[0], "cat /etc/kubernetes/admin.conf"))
    ask = "kubectl --kubeconfig /etc/kubernetes/admin.conf "
    wait(control_planes[0], ask + "get nodes | grep -q ' NotReady '")

    looked = playbooks.run("certificates", "--check")
    check("EXPIRED" in looked and "1 days left" in looked, "the report does not say what ends", looked)
    with Watch(kubeconfig) as watch:
        playbooks.kill_inside("Renew this control plane's certificates", 6.0, "certificates")
        playbooks.run("certificates")
    check(not watch.result["lost"], "acknowledged writes were lost", watch.result)
    check(watch.result["acknowledged"] > 50, "hardly anything was written", watch.result)
    again = playbooks.run("certificates")
    check(changed(again) == 0, "the run after that one still changed something", again)
    check("0 of " in again, "something is still due", again)
    # Last: how busy the machine was must not hide what else is wrong.
    check(watch.result["outage"] <= 3, "the API was away for more than three seconds", watch.result)


if __name__ == "__main__":
    main()
