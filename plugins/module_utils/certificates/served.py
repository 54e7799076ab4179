# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which certificate a server of this host really shows."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.x509 import PEM_BLOCK

SECONDS = 3.0


def shown(address: str, port: int, client: Optional[Tuple[str, str]] = None) -> Optional[bytes]:
    """The server's certificate (DER), or None where nobody answers. Trust is not the question here: it is compared with a file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        if client is not None:
            context.load_cert_chain(*client)
        with socket.create_connection((address, port), SECONDS) as plain, context.wrap_socket(plain) as connection:
            return connection.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return None


def in_file(text: str) -> Optional[bytes]:
    """The first certificate of a PEM text (DER)."""
    body = PEM_BLOCK.search(text)
    return ssl.PEM_cert_to_DER_cert(body.group(0)) if body else None


def healthz(port: int) -> bool:
    """Whether the component behind a port of this host says that it is well; its certificate is its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=SECONDS, context=context)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
