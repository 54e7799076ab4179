# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registries of container_runtime_registries as CRI-O's registries.conf and Docker's daemon.json have them.

Both know less than containerd's hosts.toml: what they can't say is refused, and where it goes in its place is named.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.registries import RegistryError, hosts_files

#: Keys of hosts.toml -> what CRI-O has for it.
_NOT_CRIO = {
    "ca": "Put it on the nodes as /etc/containers/certs.d/HOST:PORT/ca.crt.",
    "header": "Put credentials into pull secrets, or into /etc/crio/config.json by global_auth_file.",
    "override_path": "Write the registry's path behind the address.",
    "username": "Put credentials into pull secrets, or into /etc/crio/config.json by global_auth_file.",
}
_NOT_DOCKER = {
    "ca": "Put it on the nodes as /etc/docker/certs.d/HOST:PORT/ca.crt.",
    "header": "Put credentials into pull secrets.",
    "override_path": "Let the mirror answer below /v2.",
    "username": "Put credentials into pull secrets.",
}
DOCKER_HUB = "docker.io"


def registries_conf(registries: Sequence[Mapping[str, Any]]) -> str:
    """The text of a file for /etc/containers/registries.conf.d (containers-registries.conf(5), version 2).

    :raises RegistryError: as containerd's form does, and for what CRI-O reads elsewhere.
    """
    hosts_files(registries, "")
    lines = ["# Written by baremetal.kubernetes.container_runtime. Changes made here are lost."]
    for registry in _present(registries, "CRI-O", _NOT_CRIO):
        name = str(registry["name"])
        if name == "_default":
            raise RegistryError("registry '_default'", "CRI-O has no default registry.", "Name each registry.")
        server = str(registry.get("server") or "https://" + name)
        lines += ["", "[[registry]]", "prefix = %s" % _toml(name)] + _endpoint(server, registry)
        for mirror in registry.get("mirrors") or []:
            lines += ["", "[[registry.mirror]]"] + _endpoint(str(mirror["url"]), mirror)
    return "\n".join(lines) + "\n"


def docker_registries(registries: Sequence[Mapping[str, Any]]) -> Dict[str, List[str]]:
    """registry-mirrors and insecure-registries of daemon.json, where there are any.

    :raises RegistryError: as containerd's form does, and for what Docker can't do.
    """
    hosts_files(registries, "")
    mirrors: List[str] = []
    insecure: List[str] = []
    for registry in _present(registries, "Docker", _NOT_DOCKER):
        name = str(registry["name"])
        given = [str(mirror["url"]) for mirror in registry.get("mirrors") or []]
        if given and name != DOCKER_HUB:
            problem = "Docker takes mirrors of docker.io alone."
            raise RegistryError(
                "registry %r, mirrors" % name, problem, "Write cluster_image_repository, or take containerd or CRI-O."
            )
        if any("/" in _location(url) for url in given):
            remedy = "Write scheme, host and port, or take containerd or CRI-O."
            raise RegistryError("registry %r, mirrors" % name, "Docker takes no path in a mirror's address.", remedy)
        mirrors += given
        ends = [*zip(given, registry.get("mirrors") or []), (str(registry.get("server") or ""), registry)]
        insecure += [
            _location(url).partition("/")[0] for url, end in ends if url.startswith("http://") or (url and end.get("skip_verify"))
        ]
    found = {"registry-mirrors": mirrors, "insecure-registries": sorted(set(insecure))}
    return {key: value for key, value in found.items() if value}


def _present(registries: Sequence[Mapping[str, Any]], who: str, lacks: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
    for registry in registries:
        if registry.get("state", "present") == "absent":
            continue
        for end in [registry] + list(registry.get("mirrors") or []):
            for key in sorted(set(end) & set(lacks)):
                if end[key]:
                    raise RegistryError(
                        "registry %r, %s" % (registry.get("name"), key), "%s does not read it here." % who, lacks[key]
                    )
        yield registry


def _endpoint(url: str, end: Mapping[str, Any]) -> List[str]:
    insecure = url.startswith("http://") or bool(end.get("skip_verify"))
    return ["location = %s" % _toml(_location(url))] + (["insecure = true"] if insecure else [])


def _location(url: str) -> str:
    return url.partition("://")[2].rstrip("/")


def _toml(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)
