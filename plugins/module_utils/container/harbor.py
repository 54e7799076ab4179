# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of Harbor's harbor.yml is ours to say (goharbor/harbor make/harbor.yml.tmpl); all else the installer brings. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError

#: Keys of the file's top level, 2.9 to 2.15; another one is a slip of the pen that Harbor would pass over.
KEYS = (
    *("hostname", "http", "https", "internal_tls", "ip_family", "external_url", "harbor_admin_password", "database", "data_volume"),
    *("storage_service", "trivy", "jobservice", "notification", "log", "external_database", "redis", "external_redis", "uaa"),
    *("proxy", "network", "metric", "trace", "upload_purging", "cache", "core"),
)
#: The passwords that the template brings, known to all the world.
KNOWN_PASSWORDS = ("Harbor12345", "root123", "changeit")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?\Z")


def harbor_settings(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """The settings that are laid over the installer's own file.

    :raises SettingError: a host name that clients can't use, no TLS, a password that everybody knows, an unknown key.
    """
    host = str(settings.get("hostname") or "")
    if not _HOST.match(host) or host in ("localhost", "127.0.0.1"):
        raise SettingError("harbor_hostname", "%r is no name by which nodes reach it" % host, "write its DNS name or address")
    if not settings.get("certificate") or not settings.get("certificate_key"):
        raise SettingError(
            "harbor_certificate",
            "without TLS passwords would cross the network in plain text",
            "write harbor_certificate and harbor_certificate_key, files on the host",
        )
    admin, database = str(settings.get("admin_password") or ""), str(settings.get("database_password") or "")
    # The rule of Harbor's own form (8 to 128 characters, one each of upper case, lower case and digit).
    if (
        admin in KNOWN_PASSWORDS
        or not 8 <= len(admin) <= 128
        or not all(re.search(kind, admin) for kind in ("[a-z]", "[A-Z]", "[0-9]"))
    ):
        raise SettingError(
            "harbor_admin_password",
            "Harbor would not take it, or everybody knows it",
            "write 8 or more letters of both cases and digits",
        )
    if database in KNOWN_PASSWORDS or len(database) < 8:
        raise SettingError("harbor_database_password", "it is short, or everybody knows it", "write 8 or more characters")
    volume = str(settings.get("data_volume") or "")
    if not volume.startswith("/"):
        raise SettingError("harbor_data_volume", "%r is no path" % volume, "write a folder on the host, as /data")
    extra: Mapping[str, Any] = settings.get("extra") or {}
    unknown = sorted(set(extra) - set(KEYS))
    if unknown:
        raise SettingError("harbor_extra", "harbor.yml has no %s" % ", ".join(unknown), "choose from %s" % ", ".join(KEYS))
    return {
        "hostname": host,
        "https": {
            "port": int(settings.get("https_port") or 443),
            "certificate": settings["certificate"],
            "private_key": settings["certificate_key"],
        },
        "harbor_admin_password": admin,
        "database": {"password": database},
        "data_volume": volume,
        **extra,
    }
