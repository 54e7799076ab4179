# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks an API server on its own host whether it is ready, which nodes it knows, and whether kubeadm has told it of the cluster."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import Any, Dict, List, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.forms import OBJECT
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.nodes import pod_network
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.health import Answer
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

SECONDS = 2.0
CA = "/etc/kubernetes/pki/ca.crt"
#: A certificate that system:public-info-viewer covers, for API servers that refuse anonymous requests.
CLIENT = ("/etc/kubernetes/pki/apiserver-kubelet-client.crt", "/etc/kubernetes/pki/apiserver-kubelet-client.key")
#: kubeadm issues the API server's certificate for this name, whatever the node's addresses are.
SERVER_NAME = "kubernetes"
#: What kubeadm init uploads once its API server runs, and every later kubeadm reads.
KUBEADM_CONFIG = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"


class _Connection(http.client.HTTPSConnection):
    """Connects to an address, and verifies the name that the certificate carries."""

    def __init__(self, address: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(SERVER_NAME, port, timeout=SECONDS, context=context)
        self.address = address
        self.tls = context

    def connect(self) -> None:
        plain = socket.create_connection((self.address, self.port), self.timeout)
        self.sock = self.tls.wrap_socket(plain, server_hostname=SERVER_NAME)


def ask_readyz(address: str, port: int, runner: Runner) -> Answer:
    """GET /readyz, verified by the cluster's CA, and the nodes and kubeadm's configuration from one that is ready."""
    try:
        context = ssl.create_default_context(cafile=CA)
        if all(runner.exists(path) for path in CLIENT):
            context.load_cert_chain(*CLIENT)
        connection = _Connection(address, port, context)
        try:
            status, text = _get(connection, "/readyz")
            nodes = _nodes(connection) if status == 200 else None
            # Whoever may read nodes may read it: a refusal says nothing about the cluster.
            initialised = None if nodes is None else _has(connection, KUBEADM_CONFIG)
        finally:
            connection.close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Answer(False, "%s:%d does not answer: %s" % (address, port, error or type(error).__name__))
    return Answer(status == 200, text if status == 200 else "HTTP %d: %s" % (status, text[-500:]), nodes, initialised)


def _get(connection: _Connection, path: str) -> Tuple[int, str]:
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, response.read().decode("utf-8", "replace").strip()


def _has(connection: _Connection, path: str) -> Optional[bool]:
    """Whether there is such an object; None where it does not say."""
    try:
        return {200: True, 404: False}.get(_get(connection, path)[0])
    except (OSError, http.client.HTTPException):
        return None


def _nodes(connection: _Connection) -> Optional[List[Dict[str, Any]]]:
    """All nodes, or None where it does not say: whoever needs them then asks for them alone, and hears why."""
    try:
        status, text = _get(connection, "/api/v1/nodes")
        if status != 200:
            return None
        items = from_json(text, {"items": [OBJECT]})["items"]
        return sorted((pod_network(node) for node in items), key=lambda node: str(node["name"]))
    except (OSError, ValueError, http.client.HTTPException):
        return None
