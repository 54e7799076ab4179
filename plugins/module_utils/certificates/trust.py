# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API's part in the rotation of the cluster's CAs: what pods and joining nodes trust, the tokens of service accounts, and the
pods that read either only at their start.

What was done stands in the objects themselves, so that a rotation which was killed goes on where it was.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from typing import Any, Callable, Dict, List, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.authorities import (
    CA_FILE,
    Pem,
    key_id,
    later,
    reached,
    with_ca,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.errors import CertificateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.rotation import ALONE, SIGNED
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.waiting import wait_for
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import object_or_empty
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.apply import wait_for_rollout
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl, said
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.certificates import PKI
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.x509 import pem_blocks

#: The controller manager writes the CAs that it was started with into each namespace, and into each token's Secret.
ROOT_CA = "kube-root-ca.crt"
TOKENS = "kubernetes.io/service-account-token"
#: On a workload's pods: the phase for which they were started.
ANNOTATION = "baremetal.kubernetes/authorities"
WORKLOADS = ("deployments", "daemonsets", "statefulsets")
SYSTEM = "kube-system"


class Shared:
    """Takes the objects of the cluster to a phase. ``namespaces`` are those whose pods are started anew; empty means all."""

    def __init__(
        self,
        runner: Runner,
        kubectl: Kubectl,
        pem: Pem,
        namespaces: Sequence[str],
        timeout: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.runner = runner
        self.kubectl = kubectl
        self.pem = pem
        self.namespaces = namespaces
        self.timeout = timeout
        self.sleep = sleep
        self.done: List[str] = []
        self.unfinished: List[str] = []
        self.only_look = False

    def take_to(self, phase: str, only_look: bool = False) -> List[str]:
        """A line for each thing that was done; none where this host is further on, which it is only after the objects were.

        :raises CertificateError: the controller manager, or a workload, does not follow.
        :raises KubernetesError: the API does not answer.
        """
        self.only_look = only_look
        own = self.runner.read(CA_FILE)
        if own is not None and later(phase, reached(own, self.pem)) != phase:
            return self.done
        self._cluster_info(phase)
        if phase == SIGNED:
            self._tokens()
        if phase == ALONE:
            self._aggregation()
        elif not only_look:
            remedy = "read the log of the one that leads (kubectl --namespace kube-system get lease kube-controller-manager)"
            signer = "kube-controller-manager"
            wait_for(signer, lambda: self._behind(phase), remedy, self.runner, self.timeout, self.sleep)
        if phase != ALONE:
            self._workloads("%s-%s" % (phase, key_id(self.pem.new, CA_FILE)[:12]))
        return self.done

    def left_alone(self) -> List[str]:
        """Workloads whose new pods are not ready, and pods that nothing starts anew and that run: whoever made them has to."""
        found = list(self.unfinished)
        for pod in self.kubectl.objects("pods", "--all-namespaces"):
            metadata = pod["metadata"]
            owners = {str(owner.get("kind")) for owner in metadata.get("ownerReferences") or []}
            ours = not self.namespaces or metadata["namespace"] in self.namespaces
            if ours and not owners - {"Job"} and (pod.get("status") or {}).get("phase") == "Running":
                found.append("%s/%s" % (metadata["namespace"], metadata["name"]))
        return found

    def _cluster_info(self, phase: str) -> None:
        """What kubeadm join learns of the cluster."""
        for one in self.kubectl.objects("configmaps", "--namespace=kube-public"):
            text = (one.get("data") or {}).get("kubeconfig", "")
            wanted = with_ca(text, self.pem.bundle(phase))
            if one["metadata"]["name"] == "cluster-info" and text != wanted and self._do("cluster-info: what joining nodes trust"):
                self._patch("configmap", "kube-public", "cluster-info", {"data": {"kubeconfig": wanted}})

    def _tokens(self) -> None:
        """Tokens in Secrets: the controller manager signs a new one where there is none."""
        wanted = _key_name(self.runner.read(PKI + "/sa.pub") or "")
        for secret in self._token_secrets():
            name, data = secret["metadata"], secret.get("data") or {}
            if _signer(data.get("token", "")) not in ("", wanted) and self._do(
                "secret %s/%s: a new token" % (name["namespace"], name["name"])
            ):
                self._patch("secret", name["namespace"], name["name"], {"data": {"token": None}})

    def _aggregation(self) -> None:
        """What servers behind the API's aggregation trust: the API servers add to it and take nothing away."""
        for one in self.kubectl.objects("configmaps", "--namespace=kube-system"):
            data = one.get("data") or {}
            wanted = {
                key: self.runner.read("%s/%s" % (PKI, path)) or ""
                for key, path in (("client-ca-file", "ca.crt"), ("requestheader-client-ca-file", "front-proxy-ca.crt"))
                if key in data
            }
            name = one["metadata"]["name"]
            differ = any(pem_blocks(wanted[key]) != pem_blocks(data[key]) for key in wanted)
            if name == "extension-apiserver-authentication" and differ and self._do(name + ": without the old CAs"):
                self._patch("configmap", "kube-system", name, {"data": wanted})

    def _behind(self, phase: str) -> str:
        """Which namespace or token the controller manager has not brought the CAs to, or an empty text."""
        # Once all is signed anew, a controller manager that is further on may have taken the old one away.
        wanted = set(pem_blocks(self.pem.new if phase == SIGNED else self.pem.bundle(phase)))
        for one in self.kubectl.objects("configmaps", "--all-namespaces", "--field-selector=metadata.name=" + ROOT_CA):
            if not wanted <= set(pem_blocks((one.get("data") or {}).get("ca.crt", ""))):
                return "the configmap %s of namespace %s has other CAs" % (ROOT_CA, one["metadata"]["namespace"])
        signer = _key_name(self.runner.read(PKI + "/sa.pub") or "") if phase == SIGNED else ""
        for secret in self._token_secrets():
            data, name = secret.get("data") or {}, secret["metadata"]
            if not wanted <= set(pem_blocks(_text(data.get("ca.crt", "")))):
                return "the token %s of namespace %s has other CAs" % (name["name"], name["namespace"])
            if signer and _signer(data.get("token", "")) != signer:
                return "the token %s of namespace %s is not signed anew" % (name["name"], name["namespace"])
        return ""

    def _token_secrets(self) -> List[Dict[str, Any]]:
        return self.kubectl.objects("secrets", "--all-namespaces", "--field-selector=type=" + TOKENS)

    def _workloads(self, mark: str) -> None:
        """Pods that read CAs and tokens at their start only. All are told first, then waited for, those of the system first."""
        told = []
        for kind in WORKLOADS:
            for one in self.kubectl.objects(kind, "--all-namespaces"):
                metadata, spec = one["metadata"], one["spec"]
                if self.namespaces and metadata["namespace"] not in self.namespaces:
                    continue
                strategy = spec.get("updateStrategy") or spec.get("strategy") or {}
                notes = ((spec.get("template") or {}).get("metadata") or {}).get("annotations") or {}
                if notes.get(ANNOTATION) != mark and self._do("%s/%s: new pods" % (metadata["namespace"], metadata["name"])):
                    template = {"spec": {"template": {"metadata": {"annotations": {ANNOTATION: mark}}}}}
                    self._patch(kind, metadata["namespace"], metadata["name"], template)
                if strategy.get("type") != "OnDelete":
                    told.append((metadata["namespace"], "%s/%s" % (kind, metadata["name"])))
        deadline = self.runner.now() + self.timeout
        for namespace, name in [] if self.only_look else sorted(told, key=lambda one: one[0] != SYSTEM):
            answer = wait_for_rollout(self.kubectl, namespace, name, max(1.0, deadline - self.runner.now()))
            if answer.rc != 0 and namespace == SYSTEM:
                raise CertificateError(
                    name, said(answer), "see kubectl --namespace %s describe %s, then run again" % (SYSTEM, name)
                )
            if answer.rc != 0:
                # One that is ill for reasons of its own must not keep the old CA in a cluster for ever.
                self.unfinished.append("%s/%s" % (namespace, name))

    def _patch(self, kind: str, namespace: str, name: str, patch: Mapping[str, Any]) -> None:
        # A token or a CA in it is public or about to be nobody's; nothing of it is a secret.
        argv = ["patch", kind, name, "--namespace", namespace, "--patch", json.dumps(patch)]
        self.kubectl.checked("%s %s/%s" % (kind, namespace, name), argv)

    def _do(self, text: str) -> bool:
        self.done.append(text)
        return not self.only_look


def _key_name(public_key: str) -> str:
    """What a token calls the first key of a PEM text (K8S pkg/serviceaccount/jwt.go: keyIDFromPublicKey)."""
    body = public_key.partition("-----BEGIN PUBLIC KEY-----")[2].partition("-----END")[0]
    digest = hashlib.sha256(base64.b64decode("".join(body.split()))).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _signer(token: str) -> str:
    """The key that a Secret's token, itself in base64, was signed with, by its own header; empty where there is no token."""
    header = _text(token).partition(".")[0]
    # Padding in excess of what there should be does no harm.
    described = _text((header + "==").translate(str.maketrans("-_", "+/")))
    return str(object_or_empty(described).get("kid") or "none") if token else ""


def _text(encoded: str) -> str:
    """What a field of a Secret holds; empty for one that anybody has damaged, which then is what it should not be."""
    try:
        return base64.b64decode(encoded).decode()
    except ValueError:
        return ""
