# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registries of the distribution project (docker-registry 2.7 to 2.8, registry 3): what a host needs to serve several. Pure.

The settings are those of its configuration (distribution docs/configuration.md). One process serves one upstream.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError

UNIT = "kubernetes-registry@"
GARBAGE_UNIT = "kubernetes-registry-garbage@"
FOLDER = "/etc/kubernetes-registry"
#: systemd makes it (StateDirectory of the unit).
STORAGE = "/var/lib/kubernetes-registry"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z")
#: The registry's htpasswd knows this kind alone.
_BCRYPT = re.compile(r"\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}\Z")
#: What the service's manager hands to a service that runs as a user of its own: files that only root reads.
_CREDENTIALS = "/run/credentials/%s%s.service"


def server_state(registries: Sequence[Mapping[str, Any]], folder: str = FOLDER) -> Dict[str, Any]:
    """``files``, ``secrets`` and ``services`` as host_state takes them, without the units themselves.

    :raises SettingError: a name or port is there twice, a password would go over the network in plain text, …
    """
    _check(registries)
    files: List[Dict[str, Any]] = [{"path": folder, "state": "directory", "mode": "0700"}]
    secrets: Dict[str, str] = {}
    services: List[Dict[str, Any]] = []
    for registry in registries:
        name = registry["name"]
        own = "%s/%s" % (folder, name)
        texts = {own + ".yml": json.dumps(configuration(registry), indent=1, sort_keys=True) + "\n"}
        if registry.get("users"):
            texts[own + ".htpasswd"] = "".join("%s:%s\n" % pair for pair in sorted(registry["users"].items()))
        files += [{"path": path, "mode": "0600"} for path in texts]
        secrets.update(texts)
        credentials = {"config.yml": own + ".yml", "htpasswd": own + ".htpasswd" if registry.get("users") else ""}
        credentials.update({"tls.crt": registry.get("certificate") or "", "tls.key": registry.get("certificate_key") or ""})
        loaded = "".join("LoadCredential=%s:%s\n" % pair for pair in credentials.items() if pair[1])
        drop_in = "/etc/systemd/system/%s%s.service.d/credentials.conf" % (UNIT, name)
        files.append({"path": drop_in, "content": "# Written by baremetal.kubernetes.registry.\n[Service]\n" + loaded})
        read = [drop_in, *texts, *(path for path in (registry.get("certificate"), registry.get("certificate_key")) if path)]
        services.append({"name": "%s%s.service" % (UNIT, name), "state": "started", "enabled": True, "restart_on": read})
        garbage = _garbage(registry)
        files += garbage["files"]
        services += garbage["services"]
    return {"files": files, "secrets": secrets, "services": services}


def _garbage(registry: Mapping[str, Any]) -> Dict[str, List[Dict[str, Any]]]:
    """Its timer, which stands still where no time was said: one that is taken away would run on until the next boot."""
    unit = GARBAGE_UNIT + registry["name"]
    timer = "/etc/systemd/system/%s.timer" % unit
    when = registry.get("garbage_collect") or ""
    option = "--delete-untagged" if registry.get("delete_untagged") else ""
    heading = "# Written by baremetal.kubernetes.registry.\n"
    text = heading + "[Timer]\nOnCalendar=%s\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n" % (when or "weekly")
    options = heading + "[Service]\nEnvironment=GARBAGE_OPTIONS=%s\n" % option
    return {
        "files": [
            {"path": timer, "content": text},
            {"path": "/etc/systemd/system/%s.service.d/options.conf" % unit, "content": options},
        ],
        "services": [
            {
                "name": unit + ".timer",
                "state": "started" if when else "stopped",
                "enabled": bool(when),
                "restart_on": [timer] if when else [],
            }
        ],
    }


def configuration(registry: Mapping[str, Any], storage: str = STORAGE) -> Dict[str, Any]:
    """One registry's configuration. YAML takes JSON."""
    name = registry["name"]
    credentials = _CREDENTIALS % (UNIT, name)
    address = str(registry["address"])
    http: Dict[str, Any] = {
        "addr": "%s:%d" % ("[%s]" % address if ":" in address else address, int(registry["port"])),
        "headers": {"X-Content-Type-Options": ["nosniff"]},
    }
    if registry.get("certificate"):
        http["tls"] = {"certificate": credentials + "/tls.crt", "key": credentials + "/tls.key", "minimumtls": "tls1.2"}
    made: Dict[str, Any] = {
        "version": 0.1,
        "log": {"level": "info", "fields": {"service": name}},
        "storage": {
            "filesystem": {"rootdirectory": "%s/%s" % (storage, name)},
            "cache": {"blobdescriptor": "inmemory"},
            # Without it nothing that was pushed could ever be taken out.
            "delete": {"enabled": True},
        },
        "http": http,
        "health": {"storagedriver": {"enabled": True, "interval": "10s", "threshold": 3}},
    }
    if registry.get("users"):
        made["auth"] = {"htpasswd": {"realm": name, "path": credentials + "/htpasswd"}}
    if registry.get("proxy_url"):
        proxy = {"remoteurl": registry["proxy_url"]}
        for key in ("username", "password"):
            if registry.get("proxy_" + key):
                proxy[key] = registry["proxy_" + key]
        made["proxy"] = proxy
    return made


def _check(registries: Sequence[Mapping[str, Any]]) -> None:
    names: List[str] = []
    ports: List[int] = []
    for registry in registries:
        name, port = str(registry.get("name") or ""), int(registry.get("port") or 0)
        where = "registry_servers, %s" % (name or "an entry without a name")
        if not _NAME.match(name):
            raise SettingError(where, "%r can't name a service" % name, "write lower-case letters, digits and hyphens")
        if name in names or port in ports:
            raise SettingError(where, "another entry has its name or port %d" % port, "give each its own")
        names.append(name)
        ports.append(port)
        if not 0 < port < 65536:
            raise SettingError(where, "%d is no port" % port, "write port, as 5000")
        if not registry.get("address"):
            raise SettingError(
                where, "it does not say where to listen", "write address: the one by which the nodes reach this host"
            )
        _check_access(where, registry)


def _check_access(where: str, registry: Mapping[str, Any]) -> None:
    if bool(registry.get("certificate")) != bool(registry.get("certificate_key")):
        raise SettingError(
            where, "a certificate and its key belong together", "write certificate and certificate_key, files on the host"
        )
    users: Mapping[str, Any] = registry.get("users") or {}
    wrong = sorted(user for user, digest in users.items() if ":" in user or not _BCRYPT.match(str(digest)))
    if wrong:
        raise SettingError(
            where,
            "users: what %s has is no bcrypt hash" % ", ".join(wrong),
            "write what `htpasswd -nbB NAME PASSWORD` prints behind NAME:",
        )
    if users and not registry.get("certificate") and registry["address"] not in LOOPBACK:
        raise SettingError(
            where, "passwords would cross the network in plain text", "write certificate and certificate_key, or no users"
        )
    url = str(registry.get("proxy_url") or "")
    if url and not re.match(r"https?://[^/\s@]+/?\Z", url):
        raise SettingError(
            where, "proxy_url %s is no registry" % url.rpartition("@")[2], "write https://HOST; the user goes into proxy_username"
        )
    if url and registry.get("garbage_collect"):
        raise SettingError(where, "a pull-through cache takes out what is old by itself", "remove garbage_collect")
    if registry.get("delete_untagged") and not registry.get("garbage_collect"):
        raise SettingError(
            where, "delete_untagged does nothing without garbage_collect", "write when, as garbage_collect: Sun 03:00"
        )
