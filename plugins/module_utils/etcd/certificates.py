# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The certificates of external etcd: an authority of its own, and leaves that are issued again before they end. OpenSSL signs.

A leaf that is renewed keeps its key, so that one rename puts it in place and no moment has a certificate beside another's key. etcd
and the API server read both files at every handshake (go.etcd.io/etcd client/pkg/transport, TLSInfo), so nothing is restarted.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import ipaddress
import os
import re
import shutil
import tempfile
from typing import Iterator, List, NamedTuple, Optional, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.x509 import Certificate, X509Error, parse_pem

#: Certificates begin this long before they are made, for hosts whose clocks are behind (kubeadm does the same).
BACKDATED = datetime.timedelta(minutes=5)

CONFIGURATION = """\
[ca]
default_ca = etcd
[etcd]
database = {folder}/index.txt
new_certs_dir = {folder}
default_md = sha256
policy = any
rand_serial = yes
unique_subject = no
[any]
commonName = supplied
[extensions]
{extensions}
"""
AUTHORITY_EXTENSIONS = """\
basicConstraints = critical,CA:TRUE
keyUsage = critical,digitalSignature,keyCertSign,cRLSign
subjectKeyIdentifier = hash"""


class Leaf(NamedTuple):
    """A certificate that is wanted: who it is for, and whether it serves or is a client's only."""

    path: str
    common_name: str
    sans: Sequence[str]
    serves: bool

    @property
    def certificate(self) -> str:
        return self.path + ".crt"

    @property
    def key(self) -> str:
        return self.path + ".key"


class Pair(NamedTuple):
    """PEM texts of a certificate and its key."""

    certificate: str
    key: str


def make_authority(runner: Runner, common_name: str, days: int) -> Pair:
    """A new authority, signed by itself."""
    with _scratch() as folder:
        key = make_key(runner)
        request = make_request(runner, key, common_name)
        return Pair(_issue(runner, folder, request, AUTHORITY_EXTENSIONS, days, key, None), key)


def make_key(runner: Runner) -> str:
    """A new private key (ECDSA P-256), PEM in the form of SEC 1.

    kubeadm join can't read PKCS #8 of elliptic curves out of what upload-certs put into the cluster ("unknown data found in
    Secret entry", from keyutil.ParsePublicKeysPEM).
    """
    return _openssl(runner, ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout"], "make a key")


def make_request(runner: Runner, key: str, common_name: str) -> str:
    """A signing request of that key, PEM. The key goes in by a file that only root reads, never by the command line."""
    with _scratch() as folder:
        path = _write(folder, "key", key)
        return _openssl(runner, ["openssl", "req", "-new", "-key", path, "-subj", "/CN=" + common_name], "make a request")


def sign(runner: Runner, authority: Pair, request: str, leaf: Leaf, days: int) -> str:
    """The certificate for a request. Name and extensions come from ``leaf``, nothing from the request but its key."""
    usage = "serverAuth,clientAuth" if leaf.serves else "clientAuth"
    lines = [
        "basicConstraints = critical,CA:FALSE",
        "keyUsage = critical,digitalSignature,keyEncipherment",
        "extendedKeyUsage = " + usage,
        "subjectKeyIdentifier = hash",
        "authorityKeyIdentifier = keyid",
    ]
    if leaf.sans:
        lines.append("subjectAltName = " + ",".join(("IP:" if is_address(name) else "DNS:") + name for name in leaf.sans))
    with _scratch() as folder:
        return _issue(runner, folder, request, "\n".join(lines), days, authority.key, authority.certificate, leaf.common_name)


def reason_to_issue(runner: Runner, leaf: Leaf, authority_path: str, renew_before_days: int, now: float) -> str:
    """Why the certificate has to be issued (again); empty where it is as it should be."""
    key, text = runner.read(leaf.key), runner.read(leaf.certificate)
    if not key or not text:
        return "new"
    try:
        certificate = parse_pem(text, leaf.certificate)[0]
    except X509Error as error:
        return error.problem
    if key_id(runner, leaf.key) != certificate.spki_sha256:
        return "it is another key's"
    if certificate.common_name != leaf.common_name:
        return "it is for %s" % certificate.common_name
    missing = [name for name in leaf.sans if _plain(name) not in certificate.sans]
    if missing:
        return "it lacks %s" % ", ".join(missing)
    left = certificate.days_left(now)
    # A leaf that ends with its authority can't be made to last longer.
    if left < renew_before_days and certificate.not_after < _end_of(runner, authority_path):
        return "it ends in %d days" % left
    argv = ["openssl", "verify", "-no_check_time", "-CAfile", authority_path, leaf.certificate]
    return "" if runner.run(argv, timeout=30).rc == 0 else "another authority signed it"


def key_id(runner: Runner, path: str) -> str:
    """Hex SHA-256 of a private key's public part, as x509.Certificate has it of its own; empty where it can't be read."""
    with _scratch() as folder:
        out = os.path.join(folder, "public.der")
        if runner.run(["openssl", "pkey", "-in", path, "-pubout", "-outform", "DER", "-out", out], timeout=30).rc != 0:
            return ""
        return hashlib.sha256(runner.read_bytes(out) or b"").hexdigest()


def authority_of(text: str, source: str) -> Certificate:
    """The authority's certificate.

    :raises HostStateError: there is none in the text, or it is no authority's.
    """
    try:
        found = parse_pem(text, source)[0]
    except X509Error as error:
        raise HostStateError(source, error.problem, "restore it from another etcd host")
    if not found.is_ca:
        raise HostStateError(source, "%s is no certificate authority" % found.subject, "give the certificate of etcd's CA")
    return found


def _end_of(runner: Runner, authority_path: str) -> datetime.datetime:
    return authority_of(runner.read(authority_path) or "", authority_path).not_after


def is_address(name: str) -> bool:
    """Whether a subject alternative name is an IP address."""
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _plain(name: str) -> str:
    return str(ipaddress.ip_address(name)) if is_address(name) else name


def _issue(
    runner: Runner,
    folder: str,
    request: str,
    extensions: str,
    days: int,
    key: str,
    authority: Optional[str],
    common_name: str = "",
) -> str:
    now = datetime.datetime.fromtimestamp(runner.now(), datetime.timezone.utc)
    end = now + datetime.timedelta(days=days)
    if authority is not None:
        # What outlives its authority is refused by everybody on that day.
        end = min(end, authority_of(authority, "etcd's CA").not_after)
    configuration = _write(folder, "openssl.cnf", CONFIGURATION.format(folder=folder, extensions=extensions))
    _write(folder, "index.txt", "")
    out = os.path.join(folder, "certificate.pem")
    argv = ["openssl", "ca", "-batch", "-notext", "-config", configuration, "-in", _write(folder, "request", request)]
    argv += ["-out", out, "-keyfile", _write(folder, "authority.key", key), "-extensions", "extensions"]
    argv += ["-startdate", (now - BACKDATED).strftime("%Y%m%d%H%M%SZ"), "-enddate", end.strftime("%Y%m%d%H%M%SZ")]
    argv += ["-selfsign"] if authority is None else ["-cert", _write(folder, "authority.crt", authority)]
    argv += ["-subj", "/CN=" + common_name] if common_name else []
    _openssl(runner, argv, "sign a certificate")
    return runner.read(out) or ""


def _openssl(runner: Runner, argv: List[str], purpose: str) -> str:
    result = runner.run(argv, timeout=60)
    if result.rc == NOT_FOUND:
        raise HostStateError("openssl", "it is not installed, and is needed to %s" % purpose, "install the package openssl")
    if result.rc != 0:
        words = re.sub(r"\s+", " ", result.stderr.strip())[-400:]
        raise HostStateError("openssl", "it can't %s: %s" % (purpose, words), "look at the files in /etc/etcd/pki")
    return result.stdout


@contextlib.contextmanager
def _scratch() -> Iterator[str]:
    # On a tmpfs where there is one: a key must not stay on a disk after it was removed.
    folder = tempfile.mkdtemp(prefix="baremetal-etcd-", dir="/run" if os.access("/run", os.W_OK) else None)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _write(folder: str, name: str, text: str) -> str:
    path = os.path.join(folder, name)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
        stream.write(text)
    return path
