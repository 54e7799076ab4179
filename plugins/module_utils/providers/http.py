# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP request with one bound over all of it. urllib's would follow redirects with our credentials, and has no such bound."""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
import threading
from typing import Any, Dict, Iterable, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import object_or_empty
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import BusyError, ProviderError

MAXIMUM_ANSWER = 4 * 1024 * 1024
#: Bytes that nobody acknowledges are given up after so long, so that no order reaches a provider after an outage has ended.
UNACKNOWLEDGED_MS = 5000


class Answer(NamedTuple):
    status: int
    headers: Dict[str, str]
    body: bytes

    def data(self, form: Any = object) -> Dict[str, Any]:
        """The JSON object of the body; empty where it is none, or has not this form."""
        return object_or_empty(self.body, form)


class Http:
    """A provider's API below ``base_url``."""

    def __init__(self, base_url: str, ca_file: str = "", secrets: Iterable[str] = ()) -> None:
        try:
            parts = urlsplit(base_url)
            usable = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.username is None and parts.port != 0
        except ValueError:
            usable = False
        if not usable or not parts.hostname:
            raise ProviderError("base_url", "%r is no address of an API" % base_url, "write it like https://api.example.org/v1")
        self.base_url = base_url.rstrip("/")
        self.host = parts.hostname
        self.port = parts.port or (443 if parts.scheme == "https" else 80)
        self.prefix = parts.path.rstrip("/")
        self.context: Optional[ssl.SSLContext] = None
        self.secrets = [secret for secret in secrets if secret]
        self._socket: Optional[socket.socket] = None
        self._broken = False
        if parts.scheme == "https":
            try:
                self.context = ssl.create_default_context(cafile=ca_file or None)
            except (OSError, ssl.SSLError) as error:
                raise ProviderError("ca_file", "%s can't be used: %s" % (ca_file, error), "name a file of certificates, PEM")

    def request(
        self, method: str, path: str, headers: Mapping[str, str], body: Optional[bytes] = None, timeout: float = 20.0
    ) -> Answer:
        """The answer, whatever its status.

        :raises BusyError: none came within ``timeout`` seconds. Whether the provider got the request is not known then.
        """
        connection = self._connect(timeout)
        self._broken = False
        expired = threading.Event()

        def expire() -> None:
            expired.set()
            self.abort()

        # A socket's own timeout is for one read: an answer that comes byte by byte would never end.
        watch = threading.Timer(timeout, expire)
        watch.daemon = True
        watch.start()
        try:
            connection.connect()
            # http.client forgets it where the server closes, while the rest of the answer is still to come.
            self._socket = connection.sock
            _give_up_early(connection.sock)
            sent = {"User-Agent": "baremetal.kubernetes", "Accept": "application/json", "Connection": "close", **headers}
            connection.request(method, self.prefix + path, body=body, headers=sent)
            response = connection.getresponse()
            content = response.read(MAXIMUM_ANSWER)
            if self._broken or response.length:
                raise ConnectionError("the connection was closed before the answer was complete")
            if len(content) == MAXIMUM_ANSWER:
                raise ValueError("its answer is too long")
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)
        except ssl.SSLCertVerificationError as error:
            raise ProviderError(
                self.base_url,
                "its certificate is not trusted: %s" % error.verify_message,
                "install ca-certificates, or name the CA in ca_file",
            )
        except (OSError, ValueError, http.client.HTTPException) as error:
            late = expired.is_set() or isinstance(error, socket.timeout)
            why = "no answer within %g s" % timeout if late else self.clean(_words(error))
            raise BusyError(
                self.base_url, "it can't be reached: %s" % why, "look at the network, and at the provider's status page"
            )
        finally:
            watch.cancel()
            self._socket = None
            connection.close()

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        scheme = "http" if self.context is None else "https"
        proxy = "" if proxy_bypass(self.host) else getproxies().get(scheme, "")
        host, port = self.host, self.port
        if proxy and self.context is not None:
            through = urlsplit(proxy if "//" in proxy else "//" + proxy)
            host, port = through.hostname or "", through.port or 3128
        connection: http.client.HTTPConnection
        if self.context is None:
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
        else:
            connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=self.context)
        if (host, port) != (self.host, self.port):
            connection.set_tunnel(self.host, self.port)
        return connection

    def abort(self) -> None:
        """Break the request that another thread waits for; the kernel sends no rest of it."""
        sock = self._socket
        self._broken = True
        if sock is not None:
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def clean(self, text: str) -> str:
        """The text without our secrets, should a provider or a library echo one."""
        for secret in self.secrets:
            text = text.replace(secret, "********")
        return text[:300]


def _give_up_early(sock: socket.socket) -> None:
    option = getattr(socket, "TCP_USER_TIMEOUT", None)
    if option is not None:
        sock.setsockopt(socket.IPPROTO_TCP, option, UNACKNOWLEDGED_MS)


def _words(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text[:1].lower() + text[1:]
