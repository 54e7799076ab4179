# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""containerd's hosts.toml files from a list of registries (containerd docs/hosts.md)."""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Dict, List, Mapping, Sequence

CAPABILITIES = ("pull", "resolve", "push")
_NAME = re.compile(r"(_default|[A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?|\[[0-9a-fA-F:]+\](:\d+)?)\Z")
_HOST_KEYS = ("capabilities", "ca", "skip_verify", "override_path", "header", "username", "password")
_REGISTRY_KEYS = ("name", "server", "state", "mirrors", *_HOST_KEYS)
_MIRROR_KEYS = ("url", *_HOST_KEYS)
#: What makes a file one that only root may read.
_SECRET_KEYS = ("header", "username", "password")


class RegistryError(ValueError):
    """A registry's setting that containerd could not use; ``remedy`` says what to write."""

    def __init__(self, setting: str, problem: str, remedy: str) -> None:
        self.setting = setting
        self.problem = problem
        self.remedy = remedy
        super().__init__("container_runtime_registries, %s: %s %s" % (setting, problem, remedy))


def hosts_files(registries: Sequence[Mapping[str, Any]], folder: str) -> List[Dict[str, str]]:
    """The files as host_state takes them: path, and content or state=absent; those with credentials have their content in
    ``hosts_secrets``.

    :raises RegistryError: a name with a scheme or path, an address without a scheme, an unknown key or capability.
    """
    files = []
    for registry in registries:
        name = str(registry.get("name") or "")
        _check_keys("registry %r" % name, registry, _REGISTRY_KEYS)
        if not _NAME.match(name):
            raise RegistryError(
                "name %r" % name,
                "this is not how an image's name begins.",
                "Write host or host:port without scheme and path, as in docker.io or 192.0.2.5:5000, or _default for all.",
            )
        path = "%s/%s/hosts.toml" % (folder.rstrip("/"), name)
        if registry.get("state", "present") == "absent":
            files.append({"path": path, "state": "absent"})
        elif _has_secrets(registry):
            hosts_toml(registry)  # refused here like any other
            files.append({"path": path, "mode": "0600"})
        else:
            files.append({"path": path, "content": hosts_toml(registry)})
    return files


def hosts_secrets(registries: Sequence[Mapping[str, Any]], folder: str) -> Dict[str, str]:
    """Path -> content of the files with credentials."""
    return {
        "%s/%s/hosts.toml" % (folder.rstrip("/"), registry["name"]): hosts_toml(registry)
        for registry in registries
        if registry.get("state", "present") != "absent" and _has_secrets(registry)
    }


def _has_secrets(registry: Mapping[str, Any]) -> bool:
    hosts: List[Mapping[str, Any]] = [registry, *(registry.get("mirrors") or [])]
    return any(host.get(key) for host in hosts for key in _SECRET_KEYS)


def _headers(name: str, host: Mapping[str, Any]) -> Dict[str, Any]:
    """The headers of a server or mirror, those of its credentials (RFC 7617) among them."""
    headers = dict(host.get("header") or {})
    user, password = str(host.get("username") or ""), str(host.get("password") or "")
    if not user and not password:
        return headers
    where = "registry %r, username" % name
    if not user or not password or ":" in user:
        raise RegistryError(where, "a name without a colon and a password belong together.", "Write both.")
    if any(key.lower() == "authorization" for key in headers):
        raise RegistryError(where, "there is a header Authorization, too.", "Write one of both.")
    pair = "%s:%s" % (user, password)
    return {**headers, "Authorization": "Basic " + base64.b64encode(pair.encode("utf-8")).decode("ascii")}


def hosts_toml(registry: Mapping[str, Any]) -> str:
    """The text of one registry's hosts.toml."""
    lines = ["# Written by baremetal.kubernetes.container_runtime; containerd reads it at every pull."]
    name = registry["name"]
    server = registry.get("server")
    if server:
        lines.append("server = %s" % _toml(_url(name, "server", server)))
        # Keys beside the server hold for the server itself.
        lines += _host_lines(name, registry)
    if not registry.get("mirrors"):
        # containerd 1.6 passes over a file without it ("invalid `host` tree"), and asks the server as if there were none.
        lines += ["", "[host]"]
    for mirror in registry.get("mirrors") or []:
        _check_keys("registry %r, mirrors" % name, mirror, _MIRROR_KEYS)
        lines += ["", "[host.%s]" % _toml(_url(name, "mirrors url", mirror.get("url")))]
        lines += ["  " + line for line in _host_lines(name, mirror)]
        headers = _headers(name, mirror)
        if headers:
            lines += ["", "  [host.%s.header]" % _toml(mirror["url"])]
            lines += ["    %s = %s" % (_toml(key), _toml(value)) for key, value in sorted(headers.items())]
    headers = _headers(name, registry)
    if server and headers:
        lines += ["", "[header]"]
        lines += ["  %s = %s" % (_toml(key), _toml(value)) for key, value in sorted(headers.items())]
    return "\n".join(lines) + "\n"


def _host_lines(name: str, host: Mapping[str, Any]) -> List[str]:
    lines = []
    capabilities = host.get("capabilities")
    if capabilities is None and "url" in host:
        capabilities = ["pull", "resolve"]
    if capabilities is not None:
        for capability in capabilities:
            if capability not in CAPABILITIES:
                raise RegistryError(
                    "registry %r, capabilities" % name, "%r is none." % capability, "Choose from %s." % ", ".join(CAPABILITIES)
                )
        lines.append("capabilities = %s" % _toml(list(capabilities)))
    if host.get("ca"):
        lines.append("ca = %s" % _toml(host["ca"]))
    lines += ["%s = true" % key for key in ("skip_verify", "override_path") if host.get(key)]
    return lines


def _url(name: str, key: str, value: Any) -> str:
    text = str(value or "")
    if not re.match(r"https?://[^/\s]+", text):
        raise RegistryError(
            "registry %r, %s %r" % (name, key, text),
            "it has no scheme, and containerd would speak TLS to it.",
            "Write http:// in front for a registry without TLS, https:// for one with it.",
        )
    return text


def _check_keys(where: str, given: Mapping[str, Any], known: Sequence[str]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise RegistryError(where, "unknown: %s." % ", ".join(unknown), "Known are %s." % ", ".join(known))


def _toml(value: Any) -> str:
    """A string or a list of strings; TOML's basic strings escape as JSON's do."""
    if isinstance(value, (list, tuple)):
        return "[%s]" % ", ".join(_toml(entry) for entry in value)
    return json.dumps(str(value), ensure_ascii=False)
