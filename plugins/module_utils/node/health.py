# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this host's API server and etcd member answer, asked over the network of the host itself."""

from __future__ import annotations

import ipaddress
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, NamedTuple, Optional

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import (
    AUTHORITY,
    CLIENT,
    log_directory,
    read_settings,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import ETCD_DATA, MANIFESTS, parse_flags
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

if TYPE_CHECKING:
    from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient

ETCD_SECONDS = 3.0
ETCD_CA = "/etc/kubernetes/pki/etcd/ca.crt"
#: Clients of etcd on control planes with etcd of their own, then with external etcd.
ETCD_CLIENTS = ("/etc/kubernetes/pki/etcd/healthcheck-client", "/etc/kubernetes/pki/apiserver-etcd-client")


class Answer(NamedTuple):
    """Whether the API server is ready, its own words or why there are none, and the nodes that it knows."""

    ready: bool
    message: str
    nodes: Optional[List[Dict[str, Any]]] = None
    #: Whether kubeadm's own configuration is in the cluster; None where it did not say.
    initialised: Optional[bool] = None


Ask = Callable[[str, int, Runner], Answer]
Connect = Callable[[str, str, str, str, float], "EtcdClient"]


def read_apiserver(runner: Runner, ask: Optional[Ask] = None) -> Dict[str, Any]:
    """ready (None where no API server belongs here), message, nodes and initialised (None where it did not say)."""
    manifest = runner.read(MANIFESTS + "/kube-apiserver.yaml")
    if manifest is None:
        return {"ready": None, "message": "no API server belongs here", "nodes": None, "initialised": None}
    flags = parse_flags(manifest)
    port = flags.get("secure-port", "")
    if ask is None:
        # ssl and http.client are half of this module's start; a host without an API server does without.
        from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.readyz import ask_readyz

        ask = ask_readyz
    answer = ask(local_address(flags.get("bind-address", "")), int(port) if _is_port(port) else 6443, runner)
    return {"ready": answer.ready, "message": answer.message, "nodes": answer.nodes, "initialised": answer.initialised}


def local_address(bind_address: str) -> str:
    """Where a server that binds to this address is reached on its own host."""
    try:
        address = ipaddress.ip_address(bind_address)
    except ValueError:
        return "127.0.0.1"
    return "127.0.0.1" if address.is_unspecified else str(address)


def read_etcd(
    runner: Runner, connect: Optional[Connect] = None, settings: Optional[Mapping[str, str]] = None
) -> Optional[Dict[str, Any]]:
    """data_dir, data_present, reachable, healthy, members, leader and message; None where no etcd member belongs here.

    :param settings: the flags of an etcd of its own on this host, where they have been read.
    """
    manifest = runner.read(MANIFESTS + "/etcd.yaml")
    if settings is None:
        # Where external etcd is set up, its member may be a static pod, too.
        settings = read_settings(runner)
    flags = settings or parse_flags(manifest or "")
    data_dir = flags.get("data-dir", ETCD_DATA)
    data_present = bool(runner.list_dir(log_directory(data_dir, flags))) if settings else runner.exists(data_dir + "/member")
    if manifest is None and not data_present:
        return None
    facts: Dict[str, Any] = {
        "data_dir": data_dir,
        "data_present": data_present,
        "reachable": False,
        "healthy": False,
        "members": [],
        "leader": None,
        "message": "",
        "arguments": sorted(flags),
    }
    authority, clients = (AUTHORITY + ".crt", (CLIENT,)) if settings else (ETCD_CA, ETCD_CLIENTS)
    client = next((path for path in clients if runner.exists(path + ".crt") and runner.exists(path + ".key")), None)
    if (manifest is None and not settings) or client is None or not runner.exists(authority):
        facts["message"] = "no static pod" if manifest is None and not settings else "no client certificate"
        return facts
    if connect is None:
        from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient

        connect = EtcdClient
    try:
        etcd = connect(client_url(flags), authority, client + ".crt", client + ".key", ETCD_SECONDS)
        _ask_etcd(etcd, facts)
    except EtcdError as error:
        facts["message"] = str(error)
    return facts


def _ask_etcd(etcd: "EtcdClient", facts: Dict[str, Any]) -> None:
    end = time.monotonic() + ETCD_SECONDS
    status = etcd.status()
    facts["reachable"] = True
    facts["leader"] = "%x" % status.leader if status.leader else None
    etcd.timeout = max(0.2, end - time.monotonic())
    for member in etcd.member_list():
        facts["members"].append(
            {
                "id": member.hex_id,
                "name": member.name,
                "peer_urls": member.peer_urls,
                "client_urls": member.client_urls,
                "learner": member.learner,
                "started": member.started,
            }
        )
    etcd.timeout = max(0.2, end - time.monotonic())
    health = etcd.health()
    facts["healthy"], facts["message"] = health.healthy, health.reason


def client_url(flags: Mapping[str, str]) -> str:
    """The URL by which a member is asked on its own host: a loopback one where it listens there."""
    urls = [url for url in flags.get("listen-client-urls", "").split(",") if url.startswith("https://")]
    loopback = [url for url in urls if url.startswith(("https://127.", "https://[::1]", "https://localhost"))]
    return (loopback or [url for url in urls if "//0.0.0.0" not in url] or ["https://127.0.0.1:2379"])[0]


def _is_port(text: str) -> bool:
    return is_digits(text) and 0 < int(text) < 65536
