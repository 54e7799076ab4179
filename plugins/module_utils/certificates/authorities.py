# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's part in the rotation of the cluster's CAs and of the key of its service accounts.

As kubernetes.io has it ("Manual Rotation of CA Certificates"): first everybody trusts the old and the new one, then everything is
signed by the new one, then the old one goes. How far a host is, its own files say: the order of the two CAs in one file, who signed
the certificates, and whether a process is older than what it has read. So a rotation that was killed goes on where it was.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
from typing import Dict, List, Mapping, NamedTuple, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.components import Restarter, present, stale
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.errors import CertificateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.renew import (
    BOOTSTRAP,
    CLIENT,
    KUBEADM_SECONDS,
    aside,
    modified,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.rotation import ALONE, SIGNED, TRUSTED
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.runtime import ANY_SOCKET
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.static_pods import settle
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.certificates import COPIES, NEW, OLD, PKI, ROTATION
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import MANIFESTS, parse_flags
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.processes import running
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.x509 import (
    Certificate,
    X509Error,
    parse_kubeconfig,
    parse_pem,
    pem_blocks,
)

PHASES = (TRUSTED, SIGNED, ALONE)
CLUSTER_CA = "ca"
SERVICE_ACCOUNTS = "sa"
#: What kubeadm calls the phase that makes each.
AUTHORITIES = {CLUSTER_CA: "ca", "front-proxy-ca": "front-proxy-ca", "etcd/ca": "etcd-ca", SERVICE_ACCOUNTS: "sa"}
FOLDER = "/etc/kubernetes"
KUBELET_KUBECONFIG = FOLDER + "/kubelet.conf"
CA_DATA = re.compile(r"(certificate-authority-data:\s*)(\S+)")
CA_FILE = PKI + "/ca.crt"
#: The only program that takes no two CAs in one file (K8S pkg/controller/certificates/signer/ca_provider.go: "expected 1
#: certificate").
SIGNER = "kube-controller-manager"
SIGNING = {"cluster-signing-cert-file": "ca.crt", "cluster-signing-key-file": "ca.key"}
PAUSE = 1.0


class Pair(NamedTuple):
    """A certificate, or a public key, and the private key to it."""

    public: str
    private: str


class Places(NamedTuple):
    """Where one authority's two files are, seen from a folder."""

    public: str
    private: str


def places(name: str) -> Places:
    return Places(name + (".pub" if name == SERVICE_ACCOUNTS else ".crt"), name + ".key")


def read_set(runner: Runner, folder: str) -> Dict[str, Pair]:
    """The authorities in a folder whose private key is there, too."""
    found = {}
    for name in AUTHORITIES:
        public, private = (runner.read("%s/%s" % (folder, path)) for path in places(name))
        if public is not None and private is not None:
            found[name] = Pair(public, private)
    return found


class Pem(NamedTuple):
    """The kubernetes CA before and after, as PEM: all that a host without a control plane needs to know."""

    old: str
    new: str

    def bundle(self, phase: str) -> str:
        """What is trusted; the first of two is the one that kubeadm signs with."""
        return _joined(phase, self.old, self.new)


def _joined(phase: str, old: str, new: str) -> str:
    parts = {TRUSTED: (old, new), SIGNED: (new, old), ALONE: (new,)}[phase]
    return "".join(part.strip() + "\n" for part in parts)


def contents(phase: str, old: Mapping[str, Pair], new: Mapping[str, Pair]) -> Dict[str, str]:
    """Path -> content of every authority's files in a phase; what others trust comes before what signs."""
    files = {}
    for name in old:
        public, private = places(name)
        files["%s/%s" % (PKI, public)] = _joined(phase, old[name].public, new[name].public)
        files["%s/%s" % (PKI, private)] = old[name].private if phase == TRUSTED else new[name].private
    return files


def reached(ca: str, pem: Pem) -> str:
    """The phase that a host's ca.crt stands for; empty where the old CA is alone.

    :raises CertificateError: it holds something else.
    """
    blocks = pem_blocks(ca)
    old, new = pem_blocks(pem.old)[0], pem_blocks(pem.new)[0]
    if blocks == [old]:
        return ""
    for phase in PHASES:
        if blocks == pem_blocks(_joined(phase, old, new)):
            return phase
    raise CertificateError(
        CA_FILE, "it holds neither the CA that is replaced nor the new one", "put the cluster's own ca.crt back, then run again"
    )


def later(one: str, other: str) -> str:
    """The phase that is further on; an empty one is before all."""
    order = ("",) + PHASES
    return max(one, other, key=order.index)


# --- how it begins ---------------------------------------------------------------------------------------------------------------


def make(runner: Runner, cluster_configuration: str, kubeadm: str = "kubeadm") -> None:
    """Make the new set with kubeadm, which knows what kind of keys this cluster has. Made once; a part of one is completed.

    :raises CertificateError: kubeadm could not.
    """
    if runner.exists(NEW):
        return
    if CLUSTER_CA not in read_set(runner, PKI):
        raise CertificateError(
            PKI + "/ca.key",
            "it is not on this host",
            "put the CA's key onto every control plane: a CA that is elsewhere is rotated there",
        )
    part = NEW + ".part"
    os.makedirs(part, mode=0o700, exist_ok=True)
    config = part + "/kubeadm.yaml"
    replace_file(config, described(cluster_configuration, part, parse_flags(_manifest(runner, "kube-apiserver"))), 0o600)
    for name in read_set(runner, PKI):
        argv = [kubeadm, "init", "phase", "certs", AUTHORITIES[name]]
        answer = runner.run(argv + ["--config", config], timeout=KUBEADM_SECONDS)
        if name == SERVICE_ACCOUNTS and "unknown flag: --config" in answer.stderr:
            # Until 1.30 this one is made in one way only.
            answer = runner.run(argv + ["--cert-dir", part], timeout=KUBEADM_SECONDS)
        if answer.rc != 0:
            said = (answer.stderr.strip() or answer.stdout.strip())[-1500:]
            raise CertificateError("kubeadm init phase certs %s" % AUTHORITIES[name], said, "mend what this names, and run again")
    os.remove(config)
    os.rename(part, NEW)


def described(cluster_configuration: str, folder: str, flags: Mapping[str, str]) -> str:
    """kubeadm's file for the making of CAs in a folder: the cluster's own configuration with another certificatesDir."""
    lines = [line for line in cluster_configuration.splitlines() if not line.startswith("certificatesDir:") and line != "---"]
    version = next(line for line in lines if line.startswith("apiVersion:"))
    # kubeadm looks for an address even where it has no use for one.
    local = ["kind: InitConfiguration", version, "localAPIEndpoint:", "  advertiseAddress: %s" % flags["advertise-address"]]
    local += ["nodeRegistration:", "  criSocket: %s" % ANY_SOCKET]
    return "\n".join(lines + ["certificatesDir: %s" % folder, "---"] + local) + "\n"


def hold(runner: Runner, material: Mapping[str, Pair]) -> bool:
    """Keep the set that is there and the new one beside each other; whether anything had to be done.

    :raises CertificateError: an authority's key is not on this host, or another new set is.
    """
    own = read_set(runner, PKI)
    if _alone(own, material):
        return False
    if set(own) != set(material):
        raise CertificateError(
            ", ".join("%s/%s" % (PKI, places(name).private) for name in sorted(set(own) ^ set(material))),
            "the control planes do not have the same authorities and their keys",
            "put each authority's certificate and key onto every control plane, then run again",
        )
    changed = False
    for folder, pairs in ((OLD, own), (NEW, material)):
        if runner.exists(folder):
            continue
        part = folder + ".part"
        for name, pair in pairs.items():
            for path, content in zip(places(name), pair):
                os.makedirs(os.path.dirname("%s/%s" % (part, path)), mode=0o700, exist_ok=True)
                replace_file("%s/%s" % (part, path), content, 0o600)
        os.rename(part, folder)
        changed = True
    if read_set(runner, NEW) != dict(material):
        raise CertificateError(NEW, "it is another new set than the other control planes have", "remove it, then run again")
    return changed


def _alone(own: Mapping[str, Pair], material: Mapping[str, Pair]) -> bool:
    """Whether this host is at the end already."""
    ca = own.get(CLUSTER_CA)
    return ca is not None and ca.private.strip() == material[CLUSTER_CA].private.strip() and len(pem_blocks(ca.public)) == 1


def end(runner: Runner) -> bool:
    """Remove what was kept for the rotation, the old keys with it."""
    if not runner.exists(ROTATION):
        return False
    shutil.rmtree(ROTATION)
    return True


# --- a control plane -------------------------------------------------------------------------------------------------------------


class Host:
    """Takes this host to a phase. ``bootstrap`` is the kubeconfig by which a kubelet asks for a new client certificate; empty where
    it is not its turn yet."""

    def __init__(
        self, runner: Runner, pem: Pem, restarter: Restarter, node: str = "", kubeadm: str = "kubeadm", bootstrap: str = ""
    ) -> None:
        self.runner = runner
        self.pem = pem
        self.restarter = restarter
        self.node = node
        self.kubeadm = kubeadm
        self.bootstrap = bootstrap
        self.done: List[str] = []
        self.only_look = False

    def take_to(self, phase: str, only_look: bool = False) -> List[str]:
        """Everything of this host, in the order in which trust has to spread; a line for each thing that was done.

        :raises CertificateError: something does not come up with what it should trust or show.
        """
        self.only_look = only_look
        own = self.runner.read(CA_FILE)
        phase = later(phase, reached(own, self.pem)) if own is not None else phase
        if self.runner.exists("%s/kube-apiserver.yaml" % MANIFESTS):
            self._control_plane(phase)
        self._copies(phase)
        if own is not None:
            self._kubelet(phase)
        return self.done

    def _control_plane(self, phase: str) -> None:
        if not self.runner.exists(NEW):
            if phase == ALONE:
                return  # its part has ended before
            raise CertificateError(NEW, "the new CAs are not on this host", "run again from the beginning")
        self._put(contents(phase, read_set(self.runner, OLD), read_set(self.runner, NEW)))
        if phase != TRUSTED:
            self._renew()
        for name in ("admin.conf", "super-admin.conf", "controller-manager.conf", "scheduler.conf"):
            self._kubeconfig("%s/%s" % (FOLDER, name), phase)
        self._signer(phase)
        for component in present(self.runner):
            why = stale(component, self.runner, modified)
            if why and self._do("restart %s: %s" % (component.name, why)):
                self.restarter.restart(component)
        if not self.only_look:
            self._settle()

    def _signer(self, phase: str) -> None:
        """Which CA the controller manager signs the kubelets' requests with: the one whose key is in use, alone."""
        folder = {TRUSTED: OLD, SIGNED: NEW, ALONE: PKI}[phase]
        path = "%s/%s.yaml" % (MANIFESTS, SIGNER)
        text = wanted = _manifest(self.runner, SIGNER)
        for flag, name in SIGNING.items():
            wanted = re.sub(r"(- --%s=)\S+" % flag, r"\g<1>%s/%s" % (folder, name), wanted)
        if text != wanted and self._do("%s: sign with %s/ca.crt" % (SIGNER, folder)):
            _replace(path, wanted, 0o600)
        flags = ["--%s=%s/%s" % (flag, folder, name) for flag, name in SIGNING.items()]
        if not self.only_look:
            self.restarter.wait(SIGNER, lambda: self._not_run_with(flags))

    def _settle(self) -> None:
        _helped, left = settle(self.runner, Kubectl(self.runner, FOLDER + "/admin.conf"), self.node, self.restarter.timeout)
        if left:
            reasons = "; ".join("%s: %s" % pair for pair in sorted(left.items()))
            raise CertificateError(
                "static pods of %s" % self.node, reasons, "read journalctl -u kubelet; the next run goes on from here"
            )

    def _not_run_with(self, flags: Sequence[str]) -> str:
        for process in running(self.runner, SIGNER):
            argv = (self.runner.read("/proc/%d/cmdline" % process.pid) or "").split("\0")
            if all(flag in argv for flag in flags):
                return ""
        return "the kubelet has not started it with %s" % " ".join(flags)

    def _renew(self) -> None:
        """Every certificate that kubeadm issues, by the new CAs."""
        if not self._foreign() or not self._do("renew kubeadm's certificates with the new CAs"):
            return
        answer = self.runner.run([self.kubeadm, "certs", "renew", "all"], timeout=KUBEADM_SECONDS)
        left = self._foreign()
        if answer.rc != 0 or left:
            raise CertificateError(
                "kubeadm certs renew all",
                (answer.stderr.strip() or answer.stdout.strip())[-1500:] if answer.rc else "not signed anew: %s" % ", ".join(left),
                "mend what this names, and run again",
            )

    def _foreign(self) -> List[str]:
        """The files whose certificate is not signed by the new CA that belongs to it."""
        found = []
        for name, pair in read_set(self.runner, NEW).items():
            if name == SERVICE_ACCOUNTS:
                continue
            key = key_id(pair.public, "%s/%s.crt" % (NEW, name))
            for path in leaves(self.runner, name):
                text = self.runner.read(path) or ""
                certificates = parse_kubeconfig(text, path) if path.endswith(".conf") else parse_pem(text, path)[:1]
                if any(one.authority_key_id != key for one in certificates):
                    found.append(path)
        return found

    # --- any host ---

    def _kubelet(self, phase: str) -> None:
        self._put({CA_FILE: self.pem.bundle(phase)})
        self._kubeconfig(KUBELET_KUBECONFIG, phase)
        # Without a token this is a control plane's own turn: the controller manager that leads may still sign with the old CA.
        if phase != TRUSTED and self.bootstrap and self._client() and self._do("a new client certificate of the kubelet"):
            self._reissue()
        elif phase == ALONE and not self.only_look and self._client():
            raise CertificateError(CLIENT, self._client(), "run again, so that the kubelet gets a new one first")
        self._take_up("kubelet", "restart", (CA_FILE, KUBELET_KUBECONFIG))

    def _client(self) -> str:
        """Why the kubelet's client certificate is not the one that it should be, or an empty text."""
        text = self.runner.read(CLIENT)
        if text is None:
            return "there is none"
        key = key_id(self.pem.new, CA_FILE)
        return "" if parse_pem(text, CLIENT)[0].authority_key_id == key else "the old CA signed it"

    def _reissue(self) -> None:
        # kubelet.conf stays and names a file that is gone: the kubelet then asks anew with the bootstrap token.
        replace_file(BOOTSTRAP, self.bootstrap, 0o600)
        try:
            aside(CLIENT)
            self._restart("kubelet", "restart")
            self.restarter.wait("the kubelet's client certificate", self._client)
        finally:
            os.remove(BOOTSTRAP)

    def _copies(self, phase: str) -> None:
        """What load balancers verify the API servers by."""
        for path in COPIES:
            text = self.runner.read(path)
            if text is not None:
                with contextlib.suppress(CertificateError):
                    phase = later(phase, reached(text, self.pem))
                self._put({path: self.pem.bundle(phase)})
        self._take_up("haproxy", "reload", COPIES[:1])

    def _take_up(self, program: str, how: str, paths: Sequence[str]) -> None:
        processes = running(self.runner, program, in_pods=False)
        changed = [when for when in map(modified, paths) if when is not None]
        if (
            processes
            and changed
            and processes[-1].started < max(changed) <= self.runner.now()
            and self._do("%s %s" % (how, program))
        ):
            self._restart(program, how)

    def _restart(self, program: str, how: str) -> None:
        answer = self.runner.run(["systemctl", how, program], timeout=120)
        if answer.rc != 0:
            raise CertificateError(program, "it can't %s: %s" % (how, answer.stderr.strip()), "read journalctl -u %s" % program)

    def _kubeconfig(self, path: str, phase: str) -> None:
        text = self.runner.read(path)
        if text is not None:
            wanted = with_ca(text, self.pem.bundle(phase))
            if wanted != text and self._do("%s: trust as in phase %s" % (path, phase)):
                _replace(path, wanted, 0o600)

    def _put(self, files: Mapping[str, str]) -> None:
        for path, content in files.items():
            if (self.runner.read(path) or "").strip() != content.strip() and self._do("%s: change" % path):
                _replace(path, content, 0o600 if path.endswith(".key") else 0o644)

    def _do(self, text: str) -> bool:
        self.done.append(text)
        return not self.only_look


def leaves(runner: Runner, authority: str) -> List[str]:
    """The files with certificates that an authority of kubeadm has signed on this host."""
    if authority == "etcd/ca":
        names = ["etcd/server.crt", "etcd/peer.crt", "etcd/healthcheck-client.crt", "apiserver-etcd-client.crt"]
    elif authority == "front-proxy-ca":
        names = ["front-proxy-client.crt"]
    else:
        names = ["apiserver.crt", "apiserver-kubelet-client.crt"]
    paths = ["%s/%s" % (PKI, name) for name in names]
    if authority == CLUSTER_CA:
        paths += ["%s/%s.conf" % (FOLDER, name) for name in ("admin", "super-admin", "controller-manager", "scheduler")]
    return [path for path in paths if runner.exists(path)]


def key_id(pem: str, source: str) -> str:
    """By what a CA is named in the certificates that it signs.

    :raises CertificateError: it names no key, so that nobody can tell which certificates are its own.
    """
    try:
        found: Certificate = parse_pem(pem, source)[0]
    except X509Error as error:
        raise CertificateError(source, str(error), "remove %s on the control planes, then run again" % ROTATION)
    if not found.subject_key_id:
        raise CertificateError(source, "the CA has no subject key identifier", "use a kubeadm of 1.20 or newer to make it")
    return found.subject_key_id


def with_ca(kubeconfig: str, bundle: str) -> str:
    """A kubeconfig, in YAML, that trusts these CAs."""
    data = base64.b64encode(bundle.encode()).decode()
    return CA_DATA.sub(lambda match: match.group(1) + data, kubeconfig)


def _manifest(runner: Runner, name: str) -> str:
    return runner.read("%s/%s.yaml" % (MANIFESTS, name)) or ""


def _replace(path: str, content: str, mode: int) -> None:
    """The new content at once or not at all, with the mode that the file has."""
    with contextlib.suppress(OSError):
        mode = os.stat(path).st_mode & 0o7777
    replace_file(path, content, mode)
