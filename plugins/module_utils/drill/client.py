# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the API that users of the endpoint are like: a new connection for each request, verified by the cluster's CA, with
one bound over all of it (connection, handshake and answer), which http.client does not have."""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import tempfile
import time
from typing import Any, Dict, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import urlsplit

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import check_form
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.yaml_reader import YamlError, load
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

MAXIMUM_ANSWER = 64 * 1024 * 1024


class ClientError(ProblemError):
    """``subject`` is not usable for ``problem``; ``remedy`` is what a person does next."""


class Answer(NamedTuple):
    """``status`` 0 means: no answer, and ``error`` says why in a few words that many requests share."""

    status: int
    body: bytes = b""
    error: str = ""


class Access(NamedTuple):
    """Where the API is and how one gets in."""

    host: str
    port: int
    server_name: str
    context: ssl.SSLContext
    token: str = ""
    #: Without a client certificate: half the work of a handshake, for probes of what everybody may ask.
    anonymous: Optional[ssl.SSLContext] = None


KUBECONFIG = {
    "current-context": str,
    "contexts": [{"name": str, "context": {"cluster": str, "user": str}}],
    "clusters": [{"name": str, "cluster": {"server": str}}],
    "users": [{"name": str, "user": {"token?": str}}],
}


def read_access(path: str) -> Access:
    """The access that a kubeconfig's current context gives.

    :raises ClientError: it lacks something, or needs a program to log in.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            data = load(stream.read())
    except OSError as error:
        raise ClientError(
            path, error.strerror or str(error), "run the topology's playbook, which brings it, or set drill_kubeconfig"
        )
    except YamlError as error:
        raise ClientError(path, "it can't be read: %s" % error, "give a kubeconfig as kubeadm writes it")
    try:
        check_form(data, KUBECONFIG)
        context = _named(data, "contexts", data["current-context"])["context"]
        cluster = _named(data, "clusters", context["cluster"])["cluster"]
        user = _named(data, "users", context["user"])["user"]
        parts = urlsplit(str(cluster["server"]))
        host, port = parts.hostname, parts.port or 443
    except (ValueError, LookupError) as error:
        raise ClientError(path, "it has no usable context: %s" % error, "give a kubeconfig as kubeadm writes it")
    if parts.scheme != "https" or not host:
        raise ClientError(path, "its server is %r" % cluster["server"], "give a kubeconfig whose server begins with https://")
    token = str(user.get("token") or "")
    certified = "client-certificate-data" in user or "client-certificate" in user
    try:
        authority = _inline(path, cluster, "certificate-authority").decode("ascii")
        tls = ssl.create_default_context(cadata=authority)
        if certified:
            _load_client(tls, _inline(path, user, "client-certificate"), _inline(path, user, "client-key"))
    except (ValueError, ssl.SSLError) as error:
        raise ClientError(path, "its certificates can't be used: %s" % error, "give a kubeconfig as kubeadm writes it")
    if not token and not certified:
        raise ClientError(
            path, "its user has neither a client certificate nor a token", "use the kubeconfig of the cluster's administrator"
        )
    name = str(cluster.get("tls-server-name") or host)
    return Access(host, port, name, tls, token, ssl.create_default_context(cadata=authority))


def resolved(access: Access) -> Access:
    """The same with the name looked up once, so that no probe measures the controller's DNS.

    :raises ClientError: the name has no address.
    """
    try:
        found = socket.getaddrinfo(access.host, access.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ClientError(access.host, "it has no address: %s" % error, "mend the controller's DNS, or add it to /etc/hosts")
    return access._replace(host=str(found[0][4][0]))


def _named(data: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    for entry in data[kind]:
        if entry.get("name") == name:
            found: Mapping[str, Any] = entry
            return found
    raise LookupError("%s has no %r" % (kind, name))


def _inline(path: str, entry: Mapping[str, Any], name: str) -> bytes:
    """The PEM of a field that is given in the file or beside it."""
    try:
        if name + "-data" in entry:
            return base64.b64decode(str(entry[name + "-data"]))
        with open(os.path.join(os.path.dirname(path), str(entry[name])), "rb") as stream:
            return stream.read()
    except (KeyError, ValueError, OSError) as error:
        raise ClientError(path, "%s can't be read: %s" % (name, error), "give a kubeconfig as kubeadm writes it")


def _load_client(tls: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """ssl takes these from files only: they live for this call, in a directory of our own."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "client.pem")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(certificate + b"\n" + key)
        tls.load_cert_chain(path)


def request(access: Access, method: str, path: str, body: Optional[Mapping[str, Any]] = None, timeout: float = 1.0) -> Answer:
    """One request on a connection of its own, with its answer within ``timeout`` seconds or none. Never raises."""
    end = time.monotonic() + timeout
    try:
        with _connect(access, end) as connection:
            connection.settimeout(_left(end))
            connection.sendall(_text(access, method, path, body))
            return _receive(connection, end)
    except socket.timeout:
        return Answer(0, error="no answer within %g s" % timeout)
    except ssl.SSLCertVerificationError as error:
        return Answer(0, error="certificate: %s" % error.verify_message)
    except ssl.SSLError as error:
        return Answer(0, error="TLS: %s" % (error.reason or type(error).__name__))
    except OSError as error:
        return Answer(0, error=(error.strerror or str(error) or type(error).__name__).lower())
    except ValueError as error:
        return Answer(0, error="no HTTP: %s" % error)


def _connect(access: Access, end: float) -> ssl.SSLSocket:
    plain = socket.create_connection((access.host, access.port), _left(end))
    try:
        plain.settimeout(_left(end))
        return access.context.wrap_socket(plain, server_hostname=access.server_name)
    except BaseException:
        plain.close()
        raise


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise socket.timeout("timed out")
    return left


def _text(access: Access, method: str, path: str, body: Optional[Mapping[str, Any]]) -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    name = "[%s]" % access.host if ":" in access.host else access.host
    headers = {
        "Host": "%s:%d" % (name, access.port),
        "User-Agent": "baremetal.kubernetes drill",
        "Accept": "application/json, */*",
        "Connection": "close",
    }
    if content:
        headers.update({"Content-Type": "application/json", "Content-Length": str(len(content))})
    if access.token:
        headers["Authorization"] = "Bearer " + access.token
    lines = ["%s %s HTTP/1.1" % (method, path)] + ["%s: %s" % pair for pair in headers.items()]
    return "\r\n".join(lines).encode("ascii") + b"\r\n\r\n" + content


def _receive(connection: ssl.SSLSocket, end: float) -> Answer:
    data = b""
    headers: Optional[Tuple[int, Dict[str, str]]] = None
    while True:
        if headers is None and b"\r\n\r\n" in data:
            head, _separator, data = data.partition(b"\r\n\r\n")
            headers = _head(head)
        if headers is not None and _complete(headers[1], data):
            break
        connection.settimeout(_left(end))
        part = connection.recv(65536)
        if not part:
            # An answer that ends too early, as that of a server that is killed, is no answer.
            raise ConnectionError("the connection was closed before the answer was complete")
        data += part
        if len(data) > MAXIMUM_ANSWER:
            raise ValueError("the answer is too long")
    status, fields = headers
    body = _unchunked(data) if fields.get("transfer-encoding", "").lower() == "chunked" else data
    return Answer(status, body, "" if 200 <= status < 300 else "HTTP %d" % status)


def _head(head: bytes) -> Tuple[int, Dict[str, str]]:
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not is_digits(words[1]):
        raise ValueError("it begins with %r" % lines[0][:40])
    fields = (line.partition(":") for line in lines[1:])
    return int(words[1]), {name.strip().lower(): value.strip() for name, _colon, value in fields}


def _complete(fields: Mapping[str, str], data: bytes) -> bool:
    if fields.get("transfer-encoding", "").lower() == "chunked":
        return data.startswith(b"0\r\n") or b"\r\n0\r\n\r\n" in data[-64:]
    return len(data) >= int(fields.get("content-length") or 0)


def _unchunked(data: bytes) -> bytes:
    parts = []
    while data:
        size, _line, rest = data.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if length == 0:
            break
        parts.append(rest[:length])
        data = rest[length + 2 :]
    return b"".join(parts)
