# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks RKE2 on its own host whether it is ready."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.layout import API_PORT, CA, CLIENT, SUPERVISOR_PORT

#: Every RKE2 server's certificates carry it.
SERVER_NAME = "kubernetes"


class _Connection(http.client.HTTPSConnection):
    """Connects to this host, and verifies the name that every RKE2 server's certificate carries."""

    def __init__(self, port: int, seconds: float, client: bool) -> None:
        context = ssl.create_default_context(cafile=CA)
        if client:
            context.load_cert_chain(*CLIENT)
        super().__init__(SERVER_NAME, port, timeout=seconds, context=context)
        self.tls = context

    def connect(self) -> None:
        plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        self.sock = self.tls.wrap_socket(plain, server_hostname=SERVER_NAME)


def _get(port: int, path: str, seconds: float, client: bool) -> Tuple[int, str]:
    connection = _Connection(port, seconds, client)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode("utf-8", "replace").strip()
    finally:
        connection.close()


def not_ready(seconds: float = 3) -> str:
    """Why this server is not ready: its API server or its supervisor does not answer well; empty where both do."""
    for port, path, client in ((API_PORT, "/readyz", True), (SUPERVISOR_PORT, "/ping", False)):
        try:
            status, text = _get(port, path, seconds, client)
        except (OSError, ValueError, http.client.HTTPException) as error:
            return "port %d does not answer: %s" % (port, error or type(error).__name__)
        if status != 200:
            return "port %d answers %s with %d: %s" % (port, path, status, text[-300:])
    return ""
