# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node needs to join: a short-lived token, the CA's pin and, for control planes, the key of the uploaded certificates.

No secret goes on a command line, where every user of the node could read it: kubeadm makes them and prints them.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from typing import List, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.runtime import ANY_SOCKET
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.operation import ADMIN, KubeadmError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import JOIN_TOKEN_MARKER
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result, Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.symptoms import redact

TOKEN = re.compile(r"^[a-z0-9]{6}\.[a-z0-9]{16}$", re.MULTILINE)
CERTIFICATE_KEY = re.compile(r"^[0-9a-f]{64}$", re.MULTILINE)
#: kubeadm deletes the uploaded certificates after two hours (facts.md section 2.2), so no token needs to live longer.
DEFAULT_TTL = "30m"
#: By this our tokens are told from others.
DESCRIPTION = "baremetal.kubernetes join"
#: The public half of a token of ours in kubeadm's table. For JSON it has two options, by version.
LISTED = re.compile(r"^([a-z0-9]{6})\.[a-z0-9]{16} .*\b%s\b" % re.escape(DESCRIPTION), re.MULTILINE)


class JoinCredentials(NamedTuple):
    """Secrets, all of them but the pin."""

    token: str
    certificate_key: Optional[str]


def create(runner: Runner, kubeadm: str, ttl: str, upload_certificates: bool) -> JoinCredentials:
    """Make a token, and upload the control-plane certificates under a new key where they are asked for.

    :raises KubeadmError: this node is no working control plane.
    """
    # First, so that no kill leaves a token that the next run does not know of.
    os.makedirs(os.path.dirname(JOIN_TOKEN_MARKER), mode=0o700, exist_ok=True)
    with open(JOIN_TOKEN_MARKER, "w", encoding="utf-8"):
        pass
    argv = [kubeadm, "token", "create", "--kubeconfig", ADMIN, "--ttl", ttl, "--description", DESCRIPTION]
    token = _secret(TOKEN, runner.run(argv, timeout=120), "token create")
    return JoinCredentials(token, _upload_certificates(runner, kubeadm) if upload_certificates else None)


def revoke(runner: Runner, kubeadm: str) -> List[str]:
    """Delete the tokens that were made for joins, those of killed runs included; the public halves of those that were there.

    :raises KubeadmError: they can't be listed or deleted here.
    """
    listed = runner.run([kubeadm, "token", "list", "--kubeconfig", ADMIN], timeout=60)
    if listed.rc != 0:
        raise _failure("token list", listed)
    found: List[str] = LISTED.findall(listed.stdout)
    if found:
        result = runner.run([kubeadm, "token", "delete", "--kubeconfig", ADMIN] + found, timeout=60)
        if result.rc != 0:
            raise _failure("token delete", result)
    with contextlib.suppress(FileNotFoundError):
        os.remove(JOIN_TOKEN_MARKER)
    return found


def _upload_certificates(runner: Runner, kubeadm: str) -> str:
    # With the cluster's own configuration kubeadm neither asks the internet for a version nor misses an external etcd's files.
    argv = ["kubectl", "--kubeconfig", ADMIN, "get", "configmap", "kubeadm-config", "--namespace", "kube-system"]
    answer = runner.run(argv + ["--output", "jsonpath={.data.ClusterConfiguration}"], timeout=60)
    if answer.rc != 0:
        raise _failure("reading kubeadm-config", answer)
    descriptor, path = tempfile.mkstemp(prefix="kubeadm-", suffix=".yaml")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(answer.stdout.rstrip("\n") + "\n" + _registration(answer.stdout))
        argv = [kubeadm, "init", "phase", "upload-certs", "--upload-certs", "--kubeconfig", ADMIN, "--config", path]
        return _secret(CERTIFICATE_KEY, runner.run(argv, timeout=120), "upload-certs")
    finally:
        os.remove(path)


def _registration(cluster_configuration: str) -> str:
    version = next((line for line in cluster_configuration.splitlines() if line.startswith("apiVersion:")), "")
    lines = ["---", version, "kind: InitConfiguration", "nodeRegistration:", "  criSocket: %s" % ANY_SOCKET]
    return "\n".join(lines) + "\n" if version else ""


def _secret(pattern: "re.Pattern[str]", result: Result, what: str) -> str:
    found: List[str] = pattern.findall(result.stdout)
    if result.rc != 0 or not found:
        raise _failure(what, result)
    return found[-1]


def _failure(what: str, result: Result) -> KubeadmError:
    lines = [redact(line) for line in (result.stderr.strip() or result.stdout.strip()).splitlines()[-6:]]
    return KubeadmError("kubeadm " + what, "exit code %d" % result.rc, "check that the API answers on this control plane", lines)
