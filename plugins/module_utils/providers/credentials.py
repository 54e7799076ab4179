# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds credentials: what was given, then the environment, then the file of the provider's own tools."""

from __future__ import annotations

import configparser
import os
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.yaml_reader import YamlError, load
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import CredentialsError


class Wanted(NamedTuple):
    """One value that a provider needs."""

    name: str
    environment: str
    #: Whether it must never be seen.
    secret: bool = True
    default: str = ""


#: Provider -> what it needs. Names of variables and files are those of the providers' own tools.
NEEDS: Dict[str, List[Wanted]] = {
    "ovh": [
        Wanted("endpoint", "OVH_ENDPOINT", False, "ovh-eu"),
        Wanted("application_key", "OVH_APPLICATION_KEY"),
        Wanted("application_secret", "OVH_APPLICATION_SECRET"),
        Wanted("consumer_key", "OVH_CONSUMER_KEY"),
    ],
    # Those of community.hrobot.
    "hetzner_robot": [Wanted("user", "HROBOT_API_USER"), Wanted("password", "HROBOT_API_PASSWORD")],
    "hetzner_cloud": [Wanted("token", "HCLOUD_TOKEN")],
    "scaleway": [Wanted("secret_key", "SCW_SECRET_KEY"), Wanted("zone", "SCW_DEFAULT_ZONE", False)],
}


class Host(NamedTuple):
    """What of the host is looked at."""

    environment: Mapping[str, str]
    read: Callable[[str], Optional[str]]


def read_file(path: str) -> Optional[str]:
    """The text of a file; None where there is none.

    :raises CredentialsError: there is one, and it can't be read.
    """
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialsError(path, "it can't be read: %s" % error, "make it readable for the user that runs this")


def this_host() -> Host:
    return Host(os.environ, read_file)


def gather(
    provider: str, given: Mapping[str, Any], config_file: str = "", profile: str = "", host: Optional[Host] = None
) -> Dict[str, str]:
    """All that the provider needs.

    :raises CredentialsError: something is missing, with all places where it could be.
    """
    host = host or this_host()
    needs = NEEDS[provider]
    known = {want.name: str(given.get(want.name) or host.environment.get(want.environment) or "") for want in needs}
    files: List[str] = []
    if not all(known.values()):
        reader = READERS.get(provider)
        found: Dict[str, str] = {}
        if reader is not None:
            files = [config_file] if config_file else paths(provider, host)
            found = reader(files, profile, known, host)
        elif config_file:
            raise CredentialsError("config_file", "%s has no file of its own" % provider, "leave it out")
        known = {want.name: known[want.name] or found.get(want.name, "") or want.default for want in needs}
    missing = [want for want in needs if not known[want.name]]
    if missing:
        places = "in the environment (%s)" % ", ".join(want.environment for want in missing)
        if files:
            places += ", or in %s" % " or ".join(files)
        raise CredentialsError(
            ", ".join(want.name for want in missing), "not given, and not found", "write it in credentials, %s" % places
        )
    return known


def paths(provider: str, host: Host) -> List[str]:
    """Where the provider's own tools look, the file that wins first."""
    home = host.environment.get("HOME", "/root")
    config = host.environment.get("XDG_CONFIG_HOME") or home + "/.config"
    return {
        "ovh": ["ovh.conf", home + "/.ovh.conf", "/etc/ovh.conf"],
        "hetzner_cloud": [host.environment.get("HCLOUD_CONFIG") or config + "/hcloud/cli.toml"],
        "scaleway": [host.environment.get("SCW_CONFIG_PATH") or config + "/scw/config.yaml"],
    }.get(provider, [])


def _ovh(files: List[str], profile: str, known: Mapping[str, str], host: Host) -> Dict[str, str]:
    parser = configparser.RawConfigParser()
    for path in reversed(files):
        text = host.read(path)
        try:
            parser.read_string(text or "")
        except configparser.Error as error:
            # The error's own text quotes the line, which may be a secret.
            raise CredentialsError(
                path, "it is no file of sections and names (%s)" % type(error).__name__, "write it as OVH's library wants it"
            )
    endpoint = known["endpoint"] or profile or parser.get("default", "endpoint", fallback="") or "ovh-eu"
    found = dict(parser.items(endpoint)) if parser.has_section(endpoint) else {}
    if found.get("client_id") and not found.get("application_key") and not known["application_key"]:
        raise CredentialsError(
            "client_id",
            "OAuth2 service accounts are not spoken here",
            "make an application_key with a consumer_key for [%s]" % endpoint,
        )
    return {**{name: value.strip() for name, value in found.items()}, "endpoint": endpoint}


def _hcloud(files: List[str], profile: str, known: Mapping[str, str], host: Host) -> Dict[str, str]:
    """The one shape that hcloud's own program writes: active_context, and [[contexts]] with name and token."""
    contexts: List[Dict[str, str]] = []
    top: Dict[str, str] = {}
    current = top
    for line in (host.read(files[0]) or "").splitlines():
        line = line.strip()
        if line.startswith("["):
            current = {}
            if line.replace(" ", "") == "[[contexts]]":
                contexts.append(current)
        elif "=" in line and not line.startswith("#"):
            name, _equals, value = line.partition("=")
            current[name.strip()] = value.strip().strip("\"'")
    wanted = profile or host.environment.get("HCLOUD_CONTEXT") or top.get("active_context", "")
    for context in contexts:
        if context.get("name") == wanted:
            return {"token": context.get("token", "")}
    if profile:
        raise CredentialsError("profile", "%s has no context %r" % (files[0], profile), "see `hcloud context list`")
    return {}


def _scaleway(files: List[str], profile: str, known: Mapping[str, str], host: Host) -> Dict[str, str]:
    text = host.read(files[0])
    try:
        data = load(text) if text and text.strip() else {}
    except YamlError as error:
        raise CredentialsError(files[0], "it can't be read: line %d" % error.line, "write it as `scw init` does")
    data = data if isinstance(data, dict) else {}
    profiles = data.get("profiles") or {}
    wanted = profile or host.environment.get("SCW_PROFILE") or str(data.get("active_profile") or "")
    if wanted and wanted != "default" and wanted not in profiles:
        raise CredentialsError("profile", "%s has no profile %r" % (files[0], wanted), "see `scw config profile list`")
    # A profile's own values, and those at the top for what it does not say.
    found = {**data, **(profiles.get(wanted) or {})}
    return {"secret_key": str(found.get("secret_key") or ""), "zone": str(found.get("default_zone") or "")}


READERS: Dict[str, Callable[[List[str], str, Mapping[str, str], Host], Dict[str, str]]] = {
    "ovh": _ovh,
    "hetzner_cloud": _hcloud,
    "scaleway": _scaleway,
}
