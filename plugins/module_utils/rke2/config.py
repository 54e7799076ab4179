# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RKE2's files in /etc/rancher/rke2: what a person adds to config.yaml is checked, and the whole is put together. Pure."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import Version, VersionError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.yaml_writer import dump
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network.addresses import (
    NetworkError,
    dns_address,
    join_endpoint,
    parse_networks,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2 import keys
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2.layout import (
    AGENT_TOKEN,
    AUTHENTICATION,
    CONFIG,
    DIRECTORY,
    PROGRAM,
    REGISTRIES,
    SUPERVISOR_PORT,
    TOKEN,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import did_you_mean, listed

#: What load balancers and keepalived ask an API server that else takes no anonymous request.
HEALTH_PATHS = ("/livez", "/readyz", "/healthz")
#: Keys of a snapshot storage (as role backup has them) -> RKE2's.
STORAGE_KEYS = {
    "endpoint": "etcd-s3-endpoint",
    "bucket": "etcd-s3-bucket",
    "access_key": "etcd-s3-access-key",
    "secret_key": "etcd-s3-secret-key",
    "prefix": "etcd-s3-folder",
    "region": "etcd-s3-region",
    "ca_file": "etcd-s3-endpoint-ca",
}
STORAGE_NEEDED = ("endpoint", "bucket", "access_key", "secret_key")


class Fault(NamedTuple):
    """What is wrong with a key or a value, and what to write."""

    problem: str
    remedy: str


def check_keys(added: Mapping[str, Any], role: str, minor: int) -> Iterator[Fault]:
    """Everything that RKE2 would skip, misread or refuse in what a person adds to config.yaml of a V(server) or an V(agent)."""
    known = keys.keys_of(role)
    for name, value in added.items():
        # In a folder of files key+ adds to a list; here there is one file.
        key = str(name).rstrip("+")
        removed = keys.REMOVED.get(key)
        decided = keys.DECIDED.get(key) or next(
            (instead for start, instead in keys.DECIDED_PREFIXES.items() if key.startswith(start)), ""
        )
        if removed is not None:
            yield Fault("key %s: %s" % (key, removed.why), "write %s" % removed.instead)
        elif decided:
            yield Fault("key %s is decided by the playbook" % key, "write %s" % decided)
        elif key not in known:
            yield _unknown(key, role, list(known))
        else:
            yield from _value(key, known[key], value)
    yield from _ingress(added, minor)
    yield from _disabled(added)


def _unknown(key: str, role: str, known: Sequence[str]) -> Fault:
    if key in keys.SERVER:
        return Fault("key %s is one of servers, and an agent would skip it" % key, "write it in rke2_server_config")
    meant = did_you_mean(key, known)
    return Fault(
        "there is no key %s%s, and RKE2 would skip it in silence" % (key, ", did you mean %s?" % meant if meant else ""),
        "write %s" % meant if meant else "remove it; the keys stand in RKE2's %s configuration reference" % role,
    )


def _value(key: str, kind: str, value: Any) -> Iterator[Fault]:
    words = {"bool": "true or false", "int": "a whole number", "str": "a text", "list": "a list of texts"}
    parts = value if isinstance(value, (list, tuple)) else [value]
    plain = all(isinstance(part, (str, int, float)) for part in parts)
    good = {
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "str": isinstance(value, (str, int, float)) and not isinstance(value, bool),
        "list": plain and not isinstance(value, bool),
    }[kind]
    if not good:
        yield Fault("key %s takes %s, and here is %.60r" % (key, words[kind], value), "write %s" % words[kind])


def _texts(value: Any) -> List[str]:
    parts = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
    return [word.strip() for part in parts for word in str(part).split(",")]


def _ingress(added: Mapping[str, Any], minor: int) -> Iterator[Fault]:
    for name in _texts(added.get("ingress-controller")):
        if name not in keys.INGRESS_CONTROLLERS:
            yield Fault("ingress-controller: %r is none that RKE2 has" % name, "write one of %s" % listed(keys.INGRESS_CONTROLLERS))
            continue
        gone = keys.INGRESS_CONTROLLERS[name]
        if gone is not None and minor >= gone:
            yield Fault("ingress-controller: %s was removed with 1.%d" % (name, gone), "write traefik or none")


def _disabled(added: Mapping[str, Any]) -> Iterator[Fault]:
    for name in _texts(added.get("disable")):
        if name in keys.DISABLE_ELSEWHERE:
            yield Fault("disable: %s is not a component that this key knows" % name, "write %s" % keys.DISABLE_ELSEWHERE[name])
        elif name not in keys.DISABLE_ITEMS:
            yield Fault("disable: RKE2 has no component %s" % name, "write some of %s" % listed(keys.DISABLE_ITEMS, 9))


def check_cni(value: Any) -> Iterator[Fault]:
    """The network plugins: one, or multus and one (pkg/cli/cmds/server.go, validateCNI)."""
    names = _texts(value)
    unknown = [name for name in names if name not in keys.CNIS + ("multus",)]
    if unknown:
        yield Fault("RKE2 has no plugin %s" % listed(unknown), "write one of %s, or multus before one of them" % listed(keys.CNIS))
    elif not 1 <= len(names) <= 2 or (len(names) == 2 and names[0] != "multus") or names == ["multus"]:
        yield Fault("%s is not one plugin, nor multus before one" % listed(names), "write [canal], or [multus, canal]")


def check_profile(value: Any) -> Iterator[Fault]:
    name = str(value)
    if name in keys.REMOVED_PROFILES:
        yield Fault("profile %s was removed with 1.%d" % (name, keys.REMOVED_PROFILES[name]), "write cis")
    elif name not in keys.PROFILES:
        yield Fault("RKE2 has no profile %r" % name, "write cis, etcd, or nothing")


def check_storage(storage: Mapping[str, Any]) -> Iterator[Fault]:
    if not storage:
        return
    unknown = sorted(set(storage) - set(STORAGE_KEYS))
    missing = [name for name in STORAGE_NEEDED if not storage.get(name)]
    if unknown:
        yield Fault("there is no %s in it" % listed(unknown), "write some of %s" % listed(STORAGE_KEYS, 9))
    if missing:
        yield Fault("it lacks %s" % listed(missing), "add them, or leave the storage out")
    if "://" in str(storage.get("endpoint") or ""):
        yield Fault("RKE2 takes an endpoint without a scheme", "write host or host:port; it is asked over TLS")


def release_name(version: str, revision: int) -> str:
    """RKE2's name of a release: v1.36.3+rke2r1 for version 1.36.3 in its first revision."""
    return "%s+rke2r%d" % (Version.parse(version).tag, revision)


def finished_state(wanted: Mapping[str, Any]) -> Dict[str, Any]:
    """What module host_state is to bring about in /etc/rancher/rke2 of one node.

    :param wanted: role (server or agent), version, node_name, node_address, server (a host to join at, or an empty text), sans,
        pod_subnet, service_subnet, dns_domain, cni, profile, image_repository, registries, token, agent_token, snapshot_schedule,
        snapshot_retention, snapshot_storage, added.
    :returns: files, secrets (path -> text), and read_at_start (paths that RKE2 reads once).
    :raises SettingError: with the first thing that is wrong; playbooks have found all before.
    """
    texts = _texts_of(wanted)
    is_server = wanted["role"] == "server"
    # An agent joins by its own secret where there is one, and never learns the servers'.
    own = wanted["token"] if is_server else wanted["agent_token"] or wanted["token"]
    secrets = {TOKEN: "%s\n" % own}
    if is_server and wanted["agent_token"]:
        secrets[AGENT_TOKEN] = "%s\n" % wanted["agent_token"]
    # Keys of the storage are in config.yaml, passwords in registries.yaml.
    for path in [REGISTRIES] + ([CONFIG] if is_server and wanted["snapshot_storage"] else []):
        if path in texts:
            secrets[path] = texts.pop(path)
    files: List[Dict[str, Any]] = [{"path": DIRECTORY, "state": "directory", "mode": "0700"}]
    files += [{"path": path, "mode": "0600"} for path in secrets]
    files += [{"path": path, "mode": "0600", "content": text} for path, text in texts.items()]
    return {"files": files, "secrets": secrets, "read_at_start": [PROGRAM, *secrets, *texts]}


def _texts_of(wanted: Mapping[str, Any]) -> Dict[str, str]:
    """Path -> text of every file but those of tokens."""
    is_server = wanted["role"] == "server"
    try:
        minor = Version.parse(wanted["version"]).minor
        services = parse_networks(wanted["service_subnet"])
    except VersionError as error:
        raise SettingError("cluster_kubernetes_version", error.problem, error.remedy)
    except NetworkError as error:
        raise SettingError("cluster_service_subnet", "%s %s" % (error.text, error.problem), error.remedy)
    added = dict(wanted["added"])
    for fault in check_keys(added, wanted["role"], minor):
        raise SettingError("rke2_%s_config" % wanted["role"], fault.problem, fault.remedy)
    config: Dict[str, Any] = {
        "token-file": TOKEN,
        "node-name": wanted["node_name"],
        "node-ip": [wanted["node_address"]],
    }
    if wanted["server"]:
        config["server"] = "https://%s" % join_endpoint(wanted["server"], SUPERVISOR_PORT)
    if wanted["profile"]:
        config["profile"] = wanted["profile"]
    if wanted["registries"]:
        config["private-registry"] = REGISTRIES
    files: Dict[str, str] = {}
    if is_server:
        config.update(_server(wanted, [str(dns_address(network)) for network in services]))
        arguments = [str(one) for one in _list(added.pop("kube-apiserver-arg", []))]
        if not any(one.startswith("authentication-config=") for one in arguments):
            arguments.append("authentication-config=" + AUTHENTICATION)
            files[AUTHENTICATION] = _authentication(minor)
        config["kube-apiserver-arg"] = arguments
    config.update(added)
    files[CONFIG] = dump(config)
    if wanted["registries"]:
        files[REGISTRIES] = dump(dict(wanted["registries"]))
    return files


def _server(wanted: Mapping[str, Any], dns_addresses: Sequence[str]) -> Dict[str, Any]:
    """What servers have beside what each node has."""
    storage = wanted["snapshot_storage"]
    config: Dict[str, Any] = {
        "tls-san": list(wanted["sans"]),
        "cluster-cidr": _words(wanted["pod_subnet"]),
        "service-cidr": _words(wanted["service_subnet"]),
        "cluster-dns": list(dns_addresses),
        "cluster-domain": wanted["dns_domain"],
        "cni": _texts(wanted["cni"]),
        # The administrator's.
        "write-kubeconfig-mode": "0600",
        "etcd-snapshot-schedule-cron": wanted["snapshot_schedule"],
        "etcd-snapshot-retention": int(wanted["snapshot_retention"]),
    }
    if wanted["agent_token"]:
        config["agent-token-file"] = AGENT_TOKEN
    if wanted["image_repository"]:
        config["system-default-registry"] = wanted["image_repository"]
    if storage:
        config["etcd-s3"] = True
        config.update({STORAGE_KEYS[name]: str(value) for name, value in storage.items() if value})
    return config


def _authentication(minor: int) -> str:
    """RKE2's API server takes no anonymous request, so nobody outside could see whether it is ready: these paths are let in."""
    version = next((name for since, name in keys.AUTHENTICATION_VERSIONS if minor >= since), keys.AUTHENTICATION_VERSIONS[-1][1])
    return dump(
        {
            "apiVersion": version,
            "kind": "AuthenticationConfiguration",
            "anonymous": {"enabled": True, "conditions": [{"path": path} for path in HEALTH_PATHS]},
        }
    )


def _words(value: str) -> List[str]:
    return [word.strip() for word in str(value).split(",") if word.strip()]


def _list(value: Any) -> List[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]
