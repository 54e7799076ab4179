"""The one table of everything that reads what programs, files and servers say: with what is right, and what it refuses by."""

from __future__ import annotations

import base64
import functools
import json
import os
import random
import tempfile
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Sequence, Tuple, Type

from ansible_collections.baremetal.kubernetes.plugins.module_utils import symptoms
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import names as backup_names
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import report as backup_report
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import settings as backup_settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.storage import Bucket
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle import images as bundle_images
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle import needs as bundle_needs
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import parse_manifest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates import trust
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container import change as runtime_change
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container import images as runtime_images
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container import runtime as container_runtime
from ansible_collections.baremetal.kubernetes.plugins.module_utils.diagnose import page as diagnose_page
from ansible_collections.baremetal.kubernetes.plugins.module_utils.diagnose.redact import redact
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill import client as drill_client
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill import node as drill_node
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill import observe as drill_observe
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill import power as drill_power
from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill import report as drill_report
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd import settings as etcd_settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError, EtcdUnreachable
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot import files as snapshot_files
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot import tools as snapshot_tools
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover import claim as failover_claim
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover import holder as failover_holder
from ansible_collections.baremetal.kubernetes.plugins.module_utils.failover import settings as failover_settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware import failover as hardware_failover
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware import memory, pools, smart, temperatures, verdicts
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware import settings as hardware_settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.history import History
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host import services as host_services
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host import updates
from ansible_collections.baremetal.kubernetes.plugins.module_utils.interconnect import link
from ansible_collections.baremetal.kubernetes.plugins.module_utils.interconnect import settings as link_settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.keepalived import settings as keepalived_settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm import compare, operation, yaml_reader
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm import versions as kubeadm_versions
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes import (
    drain,
    health,
    helm,
    nodes,
    spread,
    static_pods,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes import proxy as kube_proxy
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.forms import LEASE
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.network import addresses
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node import (
    collect,
    kubernetes,
    network,
    packages,
    processes,
    readyz,
    rke2,
    runtime,
    services,
    storage,
    swap,
    system,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.problems import Problems
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node_cleanup import traces
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.base import Route
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.http import Answer, Http
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.registry import make
from ansible_collections.baremetal.kubernetes.plugins.module_utils.removal import apply as removal_apply
from ansible_collections.baremetal.kubernetes.plugins.module_utils.removal import seen as removal_seen
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2 import layout as rke2_layout
from ansible_collections.baremetal.kubernetes.plugins.module_utils.rke2 import release as rke2_release
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runs.history import Past
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security import encryption
from ansible_collections.baremetal.kubernetes.plugins.module_utils.security import kubelet as kubelet_security
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks import versions as topology_versions
from ansible_collections.baremetal.kubernetes.plugins.module_utils.upgrade import cluster as upgrade_cluster
from ansible_collections.baremetal.kubernetes.plugins.module_utils.x509 import X509Error, parse_der, parse_kubeconfig, parse_pem
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs import disks as zfs_disks
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs import host as zfs_host
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs import imports as zfs_imports
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs import properties as zfs_properties
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs import status as zfs_status
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup import host as zfs_backup_host
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup import points as zfs_points
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup import settings as zfs_backup_settings
from conftest import ROOT
from fuzz import damage
from fuzz.samples import (
    BACKUP_SETTINGS,
    BESIDE,
    BUNDLE,
    CLAIM,
    DRILL,
    ENCRYPTION,
    FAILOVER_SETTINGS,
    HARDWARE_SETTINGS,
    HISTORY,
    KUBEADM_CONFIG_MAP,
    KUBELET_CONFIG_MAP,
    NODE,
    OBJECTS,
    PROVIDERS,
    RUN,
    S3_ERROR,
    S3_LIST,
    SNAPSHOT,
    TEXTS,
    ZFS_BACKUP_SETTINGS,
)
from recorded_host import RecordedHost

FIXTURES = ROOT / "tests" / "fixtures"
CONTROL_PLANE = RecordedHost("debian12-control-plane")
HOSTS = [RecordedHost(name) for name in ("debian12-control-plane", "debian12-worker", "debian12-blank-bundle")]


class Parser(NamedTuple):
    """``parse`` takes what ``whole`` makes of a sample, or ``damaged`` of all of them; it may raise ``refusals``."""

    name: str
    parse: Callable[[Any], Any]
    samples: Sequence[Any]
    refusals: Tuple[Type[BaseException], ...]
    whole: Callable[[Any], Any]
    damaged: Callable[[random.Random], Any]


def _text(name: str, parse: Callable[[str], Any], samples: Sequence[str], *refusals: Type[BaseException]) -> Parser:
    """What reads text."""
    return Parser(name, parse, samples, refusals, lambda sample: sample, lambda draw: damage.text(draw, samples))


def _json(name: str, parse: Callable[[str], Any], samples: Sequence[Any], *refusals: Type[BaseException]) -> Parser:
    """What reads JSON."""
    return Parser(name, parse, samples, refusals, json.dumps, lambda draw: damage.as_json(draw, samples))


def _bytes(name: str, parse: Callable[[bytes], Any], samples: Sequence[bytes], *refusals: Type[BaseException]) -> Parser:
    """What reads bytes."""
    texts = [sample.decode("latin-1") for sample in samples]
    return Parser(
        name, parse, samples, refusals, lambda sample: sample, lambda draw: damage.text(draw, texts).encode("latin-1", "replace")
    )


def _host(name: str, parse: Callable[[Any], Any], samples: Sequence[str], *refusals: Type[BaseException], **options: Any) -> Parser:
    """What asks programs and reads files of a host, all of which say the samples (or what ``files`` and ``commands`` have)."""
    return Parser(name, parse, (), refusals, lambda sample: sample, lambda draw: damage.Host(draw, samples, **options))


def _recorded(name: str, parse: Callable[[Any], Any], *refusals: Type[BaseException]) -> Parser:
    """The same of a host that was recorded."""

    def damaged(draw: random.Random) -> damage.Host:
        return damage.Host(draw, list(TEXTS.values()), recorded=draw.choice(HOSTS))

    return Parser(name, parse, HOSTS, refusals, lambda sample: sample, damaged)


class _ApiHost(damage.Host):
    """A host with kubectl, to which the API says damaged objects: to one question always the same."""

    def run(self, argv: Sequence[str], timeout: Any = None, stdin: Any = None, env: Any = None) -> damage.Result:
        draw = self._draw("kubectl", *argv)
        if "get" not in argv or "--raw" in argv or draw.random() < 0.1:
            return super().run(argv)
        resource = argv[argv.index("get") + 1]
        if resource in ("node", "configmap"):
            one = NODE if resource == "node" else KUBEADM_CONFIG_MAP
            return damage.Result(0, damage.as_json(draw, [one]), "")
        return damage.Result(0, damage.as_json(draw, [{"items": list(OBJECTS[resource])}]), "")


def _api(name: str, parse: Callable[[Kubectl], Any], *refusals: Type[BaseException]) -> Parser:
    """What asks the API through kubectl."""
    return Parser(
        name,
        parse,
        (),
        refusals or (ProblemError,),
        lambda sample: sample,
        lambda draw: Kubectl(_ApiHost(draw, [json.dumps(NODE)])),
    )


class _Etcd(EtcdClient):
    """A client whose server says what a case says."""

    def __init__(self, answer: str) -> None:
        self.endpoint = "https://10.0.0.1:2379"
        self.answer = answer

    def _call(self, method: str, body: Dict[str, Any]) -> Dict[str, Any]:
        try:
            found = from_json(self.answer)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._strange(repr(self.answer)[:50])
        if "error" in found:
            raise self._refused(found, 500)
        return found


ETCD = [
    {
        "header": {"member_id": "10501334649042878790", "revision": "12"},
        "members": [{"ID": "1", "name": "cp1", "peerURLs": ["https://10.0.0.1:2380"], "clientURLs": ["https://10.0.0.1:2379"]}],
        "member": {"ID": "2", "peerURLs": ["https://10.0.0.2:2380"], "isLearner": True},
        "version": "3.5.21",
        "dbSize": "20480",
        "leader": "1",
        "raftIndex": "8",
        "raftTerm": "2",
        "errors": ["NOSPACE"],
        "kvs": [{"key": "aGVhbHRo", "value": "MQ=="}],
        "count": "1",
        "alarms": [{"memberID": "1", "alarm": "NOSPACE"}],
    },
    {"error": "etcdserver: no leader", "code": 14, "message": "etcdserver: no leader"},
]


def _etcd(answer: str) -> None:
    client = _Etcd(answer)
    methods: List[Callable[[], Any]] = [client.member_list, client.status, client.count, client.alarms, client.health]
    methods += [lambda: client.get("a"), lambda: client.member_add(["https://10.0.0.2:2380"])]
    for method in methods:
        try:
            method()
        except EtcdError as error:
            assert error.remedy


def _no_etcd(endpoint: str, *_files: Any) -> Any:
    raise EtcdUnreachable(endpoint, "not in a test", "nothing")


def _facts(host: Any) -> None:
    facts = collect.collect(host, timeout=1, ask=lambda *_asked: readyz.Answer(False, ""), connect=_no_etcd, with_rke2=True)
    # It goes to the controller as JSON, and never with half a character.
    json.dumps(facts).encode()


#: TLS' authorities would take thirty milliseconds of each case.
NO_TLS = "http://api.example.org"


class _Http(Http):
    """A provider's server that says what a case says."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(NO_TLS)
        self.answer = answer

    def request(self, method: str, path: str, headers: Any, body: Any = None, timeout: float = 0) -> Answer:  # type: ignore[override]
        return self.answer


def _provider(name: str, credentials: Dict[str, str], target: str) -> Callable[[Answer], None]:
    def parse(answer: Answer) -> None:
        provider = make(name, "203.0.113.10", credentials, NO_TLS)
        provider.http = _Http(answer)
        calls: List[Callable[[], Any]] = [
            provider.read,
            provider.pending,
            lambda: provider.resolve(target),
            lambda: provider.start(target),
        ]
        for call in calls:
            try:
                found = call()
            except ProblemError as refusal:
                assert refusal.remedy
                continue
            assert not isinstance(found, Route) or found.target is None or isinstance(found.target, str)
            task = found if hasattr(found, "identifier") else None
            if task is not None:
                try:
                    provider.poll(task)
                except ProblemError as refusal:
                    assert refusal.remedy

    return parse


def _answers(name: str, credentials: Dict[str, str], target: str) -> Parser:
    samples = PROVIDERS[name]

    def damaged(draw: random.Random) -> Answer:
        status = draw.choice((200, 200, 200, 201, 204, 400, 401, 403, 404, 409, 423, 429, 500, 503, 302))
        headers = {"retry-after": draw.choice(damage.WORDS), "ratelimit-reset": draw.choice(damage.WORDS)}
        return Answer(status, headers, damage.as_json(draw, samples).encode("utf-8", "replace"))

    return Parser(
        "answers of %s" % name,
        _provider(name, credentials, target),
        samples,
        (ProblemError,),
        lambda sample: Answer(200, {}, json.dumps(sample).encode()),
        damaged,
    )


@functools.lru_cache  # its authorities take thirty milliseconds to read
def _bucket() -> Bucket:
    storage = backup_settings.Storage("https://s3.example.org", "bucket", "key", "secret")
    return Bucket(storage)


def _page(draw_texts: Mapping[str, Any]) -> None:
    """The page of a diagnosis, of one host with such facts and texts."""
    host = diagnose_page.Host("cp1", ["control_plane"], draw_texts["facts"], draw_texts["texts"])
    diagnose_page.page([host], "kubernetes", "now", "10.89.79.100")


DIAGNOSE_TEXTS = {
    "etcd.txt": "alarm NOSPACE of member 1\ncp1: healthy\n",
    "inodes.txt": "Filesystem Inodes IUsed IFree IUse% Mounted on\n/dev/sda1 100 95 5 95% /\n",
    "failed-units.txt": "kubelet.service loaded failed failed kubelet\n",
    "kernel.txt": "Out of memory: Killed process 1\n",
    "journal-kubelet.log": TEXTS["journal"],
    "api-nodes.txt": "NAME STATUS ROLES AGE VERSION\ncp1 NotReady,SchedulingDisabled control-plane 1d v1.33.6\n",
    "api-pods.txt": "NAMESPACE NAME READY STATUS RESTARTS AGE\nkube-system a 0/1 Running 0 1d\n",
    "api-signing-requests.txt": "NAME AGE SIGNERNAME REQUESTOR CONDITION\ncsr-1 1m x y Pending\n",
    "api-events.txt": "ns 1m Warning Failed pod/a oops\n",
}


def _damaged_page(draw: random.Random) -> Dict[str, Any]:
    facts = collect.collect(draw.choice(HOSTS), timeout=1, ask=lambda *_asked: readyz.Answer(False, ""), connect=_no_etcd)
    texts = {name: damage.text(draw, [text]) for name, text in DIAGNOSE_TEXTS.items()}
    return {"facts": facts, "texts": texts}


def _helm(host: Any) -> None:
    wanted = helm.WantedRelease("cilium", "kube-system", "cilium", "", "1.16.0", "", {"a": 1})
    helm.plan_release(wanted, helm.read_release(helm.Helm(host), wanted))


def _drain(kubectl: Kubectl) -> None:
    node = drain.read_node(kubectl, "cp1")
    drain.plan(node, drain.read_pods(kubectl, "cp1"), drain.Limits())


def _health(kubectl: Kubectl) -> None:
    runner = kubectl._runner  # noqa: SLF001
    expected = health.Expectation(nodes=("cp1",), endpoint="10.0.0.1:6443")
    seen = health.read(runner, kubectl, kubectl, expected, _no_etcd)
    health.report(health.judge(seen, expected), ())


def _spread(kubectl: Kubectl) -> None:
    items = kubectl.objects("nodes,pods,deployments,statefulsets")
    by_kind = {kind: [item for item in items if item.get("kind") == kind] for kind in ("Node", "Pod", "Deployment", "StatefulSet")}
    spread.advice(by_kind["Deployment"] + by_kind["StatefulSet"], by_kind["Pod"], by_kind["Node"], {"cp1": "a"})


def _static_pods(kubectl: Kubectl) -> None:
    static_pods._look(kubectl, static_pods.NAMES, "cp1")  # noqa: SLF001


def _network_check(kubectl: Kubectl) -> None:
    nodes.pod_networks(kubectl, (), 0)


def _removal(kubectl: Kubectl) -> None:
    seen = removal_seen.read(kubectl, ["cp1", "worker1"], True, lambda *_asked: _no_etcd("https://127.0.0.1:2379"))
    removal_seen.members_of(seen, "cp1", "10.0.0.1")


def _upgrade(kubectl: Kubectl) -> None:
    upgrade_cluster.read(kubectl._runner, kubectl, "/etc/kubernetes/admin.conf")  # noqa: SLF001


def _kube_proxy(kubectl: Kubectl) -> None:
    found = kube_proxy.config_map(kubectl)
    if found is not None:
        kube_proxy.wanted_config(found, {"mode": "nftables"})


def _kubelet_security(kubectl: Kubectl) -> None:
    kubelet_security.pending(kubectl, {"cp1": ["10.0.0.1"]})


def _hardware_nodes(kubectl: Kubectl) -> None:
    settings = hardware_settings.Settings("cp1", cordon=True, drain=True)
    found = hardware_failover.read_nodes(kubectl.objects("nodes"), settings.failover_kinds, 1_790_000_000.0)
    hardware_failover.decide(found, hardware_failover.read_lease(None), settings, 1_790_000_000.0)


def _lease(kubectl: Kubectl) -> None:
    for found in kubectl.objects("leases.coordination.k8s.io"):
        hardware_failover.read_lease(found)


def _trust(kubectl: Kubectl) -> None:
    for secret in kubectl.objects("secrets"):
        trust._signer((secret.get("data") or {}).get("token", ""))  # noqa: SLF001


def _history(text: str) -> None:
    history = History(text)
    history.per_day("boot", 3.0, {"a": 5}, 1_790_000_000.0)
    json.dumps(history.text())


def _drill(text: str) -> None:
    lines = drill_report.parse_lines(text)
    drill_report.build(drill_report.Records(lines, lines, lines, drill_report.parse_observed(text)))


def _memory(host: Any) -> None:
    memory.read(host, 0.0)


def _zfs(text: str) -> None:
    for pool in zfs_status.parse_status(text):
        zfs_host.as_data(pool)
        zfs_host.describe(pool)


def _zfs_json(text: str) -> None:
    for pool in zfs_status.parse_json(text):
        zfs_host.as_data(pool)


def _zfs_fixtures(end: str) -> List[str]:
    return [path.read_text() for path in sorted((FIXTURES / "zfs" / "written").glob(end)) if ".guids." not in path.name]


def _claims(data: str) -> None:
    json.dumps(failover_claim.write(failover_claim.read(from_json(data, LEASE)), "kube-system", "x"))


class _Proc(failover_holder.Host):
    """/proc as a case says it is."""

    def __init__(self, said: str) -> None:
        self.said = said

    def text(self, path: str) -> str:
        return self.said


def _holder(said: str) -> None:
    failover_holder.Keepalived(_Proc(said), ["10.0.0.100/32"], "/run/state").look(0.0)
    _Proc(said).addresses()


def _access(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "admin.conf")
        with open(path, "w", encoding="utf-8", errors="replace") as stream:
            stream.write(text)
        drill_client.read_access(path)


def _answer(data: bytes) -> None:
    head, _blank, body = data.partition(b"\r\n\r\n")
    _status, fields = drill_client._head(head)  # noqa: SLF001
    if drill_client._complete(fields, body) and fields.get("transfer-encoding", "").lower() == "chunked":  # noqa: SLF001
        drill_client._unchunked(body)  # noqa: SLF001


def _addresses(text: str) -> None:
    addresses.parse_address(text)
    addresses.split_endpoint(text)
    for parse in (addresses.parse_network, addresses.parse_networks):
        try:
            parse(text)  # type: ignore[operator]
        except addresses.NetworkError as refusal:
            assert str(refusal)


def _routes(text: str) -> None:
    entries = network.parse_json_list(text)
    held = network.parse_addresses(entries)
    network.parse_mtus(entries)
    for version in (4, 6):
        network.parse_routes(entries, version)
        network.default_source(network.default_routes(entries, version), held)


def _images(said: str) -> None:
    for name in runtime_images.CLIENTS:
        runtime_images.names(name, said)


def _snapshot(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "etcd-20261122T010203Z.db")
        with open(snapshot_files.facts_path(path), "w", encoding="utf-8", errors="replace") as stream:
            stream.write(text)
        snapshot_files.read_facts(path)


class _Said(damage.Host):
    """A host all of whose programs and files say one text."""

    def __init__(self, said: str) -> None:
        super().__init__(random.Random(0), [said])
        self.said = said

    def run(self, argv: Sequence[str], timeout: Any = None, stdin: Any = None, env: Any = None) -> damage.Result:
        return damage.Result(0, self.said, "")

    def read(self, path: str) -> str:
        return self.said

    def which(self, name: str) -> str:
        return "/usr/bin/" + name


def _skopeo(said: str) -> None:
    bundle_images.look("registry.k8s.io/pause:3.10", "", bundle_images.Source("amd64", {}), _Said(said))


def _etcd_tool(said: str) -> None:
    tools = snapshot_tools.Tools(_Said(said))
    tools.status(snapshot_tools.Tool("etcdutl", "/usr/bin/etcdutl", "", (3, 6)), "/a.db")


class _Connection:
    """A connection to an API server that answers with one text."""

    status = 200

    def __init__(self, said: str) -> None:
        self.said = said

    def request(self, *_words: Any) -> None:
        return None

    def getresponse(self) -> "_Connection":
        return self

    def read(self) -> bytes:
        return self.said.encode("utf-8", "replace")


PEM = [CONTROL_PLANE.read(path) or "" for path in ("/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/pki/apiserver.crt")]
KUBECONFIG = CONTROL_PLANE.read("/etc/kubernetes/admin.conf") or ""
DER = [base64.b64decode("".join(pem.splitlines()[1:-1])) for pem in PEM]
MANIFESTS = [CONTROL_PLANE.read("/etc/kubernetes/manifests/%s.yaml" % name) or "" for name in ("etcd", "kube-apiserver")]
IP = [
    CONTROL_PLANE.run(argv).stdout
    for argv in (("ip", "-json", "address", "show"), ("ip", "-json", "-4", "route", "show", "table", "main"))
]
SYSTEMCTL = next(result.stdout for argv, result in CONTROL_PLANE.commands.items() if argv[:2] == ("systemctl", "show"))
DF = CONTROL_PLANE.run(("df", "--local", "--block-size=1", "--output=fstype,size,avail,target")).stdout
SMARTCTL = [json.loads(path.read_text()) for path in sorted((FIXTURES / "smartctl").glob("*.json"))]


def _proc(path: str) -> List[str]:
    # The beginning will do: what is longer only costs time.
    return [(CONTROL_PLANE.read(path) or "")[:1500]]


PARSERS: Sequence[Parser] = (
    # --- what a node is
    _recorded("node_facts of a recorded host", _facts),
    _host("node_facts of any host", _facts, list(TEXTS.values())),
    _text("/etc/os-release", system.parse_os_release, _proc("/etc/os-release")),
    _text("/proc/meminfo", system.parse_memory, _proc("/proc/meminfo")),
    _text("cpus of /proc/self/status", system.count_cpus, _proc("/proc/self/status")),
    _text("cgroups of /proc/self/mountinfo", system.cgroup_version, _proc("/proc/self/mountinfo")),
    _text("/proc/self/mountinfo", storage.parse_mountinfo, _proc("/proc/self/mountinfo")),
    _text("df", storage.parse_df, [DF]),
    _text("/proc/swaps", swap.parse_swaps, _proc("/proc/swaps") + [TEXTS["swaps"]]),
    _text("/etc/fstab", swap.swap_entries, _proc("/etc/fstab") + [TEXTS["fstab"]]),
    _text("/proc/net/tcp", network.listening_ports, _proc("/proc/net/tcp")),
    _text("ip -json", _routes, IP),
    _text("systemctl show", services.parse_active, [SYSTEMCTL]),
    _text("properties of systemctl show", host_services.parse_properties, [SYSTEMCTL]),
    _text("timedatectl", services.parse_synchronized, ["yes\n", "no\n"]),
    _text(
        "dpkg's database", lambda text: packages.parse_dpkg_status(text, ("kubelet", "containerd")), _proc("/var/lib/dpkg/status")
    ),
    _text(
        "rpm -q", lambda text: packages.parse_rpm(text, ("kubelet",)), ["kubelet 1.33.6-150500.1.1\npackage x is not installed\n"]
    ),
    _text("versions of programs", packages.program_version, ["crictl version v1.20.0\n", "kubelet 1.33.6"]),
    _json("versions that were kept", packages._noted, [{"/usr/bin/kubelet": ["1 2 3", "1.33.6"]}]),
    _text(
        "kubelet's socket", lambda text: runtime.kubelet_socket([text]), [CONTROL_PLANE.read("/var/lib/kubelet/config.yaml") or ""]
    ),
    _json(
        "daemon.json's networks",
        runtime.docker_pools,
        [{"bip": "172.17.0.1/16", "default-address-pools": [{"base": "172.20.0.0/16"}]}],
    ),
    _text("containerd's version", lambda text: container_runtime.config_schema(text), ["1.6.20", "2.0.4~ds1"], ValueError),
    _host("processes", lambda host: processes.running(host, "etcd"), [TEXTS["stat"], "etcd\0--name=a", "3.5 7"]),
    _host("rke2's state", lambda host: rke2.read(host, 1, lambda: ""), [TEXTS["rke2"], SYSTEMCTL]),
    _json("marker of an operation", kubernetes.parse_marker, [{"operation": "join", "role": "worker", "cluster": "a", "at": "x"}]),
    _text("endpoint of a kubeconfig", kubernetes.parse_endpoint, [KUBECONFIG]),
    _text("cluster of a kubeconfig", kubernetes.parse_cluster_name, [KUBECONFIG]),
    _text("static pods' manifests", kubernetes.parse_static_pod, MANIFESTS),
    _text("flags of static pods", kubernetes.parse_flags, MANIFESTS),
    _host(
        "remains of a cluster",
        lambda host: traces.read(host, ["10.0.0.100"], "10.0.0.100:6443"),
        [TEXTS["iptables"], TEXTS["nft"], IP[0]],
        ProblemError,
    ),
    _text("nft list tables", traces.parse_nft_tables, [TEXTS["nft"]]),
    _text("iptables-save", traces.rules_without_kubernetes, [TEXTS["iptables"]]),
    _host("updates of the system", lambda host: updates.read(host, 1), [TEXTS["apt"], TEXTS["dnf"]], ProblemError),
    # --- kubeadm, kubelet
    _recorded("kubeadm's state of a node", operation.read_node),
    _text("YAML", yaml_reader.load_all, [KUBECONFIG, *MANIFESTS, TEXTS["kubeadm"]], yaml_reader.YamlError),
    _text("YAML by PyYAML", compare.parse, [KUBECONFIG, *MANIFESTS], ValueError),
    _text("versions of Kubernetes", kubeadm_versions.Version.parse, ["1.33.6", "v1.36.0-rc.0"], ValueError),
    _text("versions in settings", topology_versions.parse, ["1.33.6", "v1.36.0"]),
    _text("logs", symptoms.find_symptoms, [TEXTS["journal"]]),
    _text("kubeadm's preflight", symptoms.preflight_errors, ["[preflight] x\n\t[ERROR Swap]: running with swap on\n"]),
    _text("secrets in texts", redact, [TEXTS["journal"], KUBECONFIG]),
    Parser("a diagnosis", _page, (), (), lambda sample: sample, _damaged_page),
    # --- certificates
    _text("PEM", lambda text: parse_pem(text, "x"), PEM, X509Error),
    _bytes("DER", lambda data: parse_der(data, "x"), DER, X509Error),
    _text("certificates of kubeconfigs", lambda text: parse_kubeconfig(text, "x"), [KUBECONFIG], X509Error),
    _recorded("certificates' ends", lambda host: collect.certificates.read(host, 1.79e9, Problems())),
    # --- the API
    _api("nodes and pods of a drain", _drain),
    _api("health of a cluster", _health),
    _api("workloads' spread", _spread),
    _api("static pods of the API", _static_pods),
    _api("pod networks", _network_check),
    _api("nodes that leave", _removal),
    _api("a cluster before its upgrade", _upgrade),
    _api("kube-proxy's configuration", _kube_proxy),
    _api("kubelets' requests", _kubelet_security),
    _api("nodes with failing hardware", _hardware_nodes),
    _api("tokens' signers", _trust),
    _host(
        "Helm's releases",
        _helm,
        ["{}"],
        ProblemError,
        commands={"list": ['[{"status": "deployed", "chart": "cilium-1.16.0"}]'], "get values": ['{"a": 1}']},
    ),
    _host(
        "the node object of a change of runtimes",
        lambda host: runtime_change.status_of(runtime_change.Change(host, "cp1")._object()),
        [json.dumps(NODE)],
    ),
    _json("nodes of the API server", lambda text: readyz._nodes(_Connection(text)), [{"items": [NODE]}]),
    _text("ClusterStatus", lambda text: removal_apply.without_endpoint(text, "cp1"), [TEXTS["cluster_status"]], ValueError),
    _text("metrics of removed APIs", upgrade_cluster.requested, [TEXTS["metrics"]]),
    _api("the lease of the hardware's failover", _lease),
    _json("the failover IP's claim", _claims, [CLAIM], ValueError),
    _json(
        "items of the drill",
        lambda text: drill_observe._page(drill_client.Answer(200, text.encode("utf-8", "replace"), "")),
        [{"items": [KUBELET_CONFIG_MAP]}],
    ),
    _json(
        "value of the drill",
        lambda text: drill_observe._value(drill_client.Answer(200, text.encode("utf-8", "replace"), "")),
        [KUBELET_CONFIG_MAP],
    ),
    _bytes(
        "HTTP of the drill",
        _answer,
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        ],
        ValueError,
    ),
    _json("the history of runs", lambda text: Past(text, "single", ["i"]).times(["Prepare"]), [RUN]),
    _json("lines of the drill", _drill, DRILL, ValueError),
    _text("the drill's kubeconfig", _access, [TEXTS["kubeconfig"]], ProblemError),
    _host("powered-off hosts", lambda host: drill_power.read(host, "x"), ['{"cp1": ["ipmitool", "power", "on"]}']),
    _host("the drill's marker", drill_node.read_marker, ['{"name": "kill"}']),
    # --- etcd
    _json("etcd's answers", _etcd, ETCD, EtcdError),
    _json("etcdutl snapshot status", _etcd_tool, [{"hash": 1, "revision": 2, "totalKey": 3, "totalSize": 4}], ProblemError),
    _text("etcd's environment", etcd_settings.parse_environment, ["ETCD_NAME=cp1\nETCD_DATA_DIR='/var/lib/etcd'\n"]),
    _recorded("etcd's settings", etcd_settings.read_settings),
    # --- programs of load balancing and links
    _text("keepalived's version", keepalived_settings.version_numbers, ["v2.2.7", "2.2.7-1+b2"]),
    _text("keepalived's state and /proc", _holder, ["MASTER 12\n", "MASTER 12\n" + TEXTS["fib_trie"], TEXTS["if_inet6"]]),
    _text("files of the link", link_settings.parse_link, ["INTERFACE=wg0\nADDRESS=10.9.0.1/24\n"]),
    _host("the link", link.read, ["INTERFACE=wg0\nADDRESS=10.9.0.1/24\n", IP[0]]),
    _text("addresses and networks", _addresses, ["10.0.0.1", "10.0.0.0/8", "[fd00::1]:6443", "10.244.0.0/16,fd00::/48"]),
    # --- ZFS
    _text("zpool status", _zfs, _zfs_fixtures("*.txt"), ValueError),
    _text("zpool status --json", _zfs_json, _zfs_fixtures("*.json"), ValueError),
    _text("zpool import", zfs_imports.parse_imports, _zfs_fixtures("import_*.txt"), ValueError),
    _text("zdb -l", zfs_imports.parse_label, [TEXTS["zdb"]]),
    _text("zfs get", zfs_properties.parse_get, ["tank\tcompression\tlz4\tlocal\n"]),
    _text("wipefs", zfs_disks.parse_wipefs, ['{"signatures": [{"offset": "0x1", "type": "ext4"}]}', "0x438,,,ext4\n"]),
    _text("/proc/mounts", zfs_disks.parse_mounts, ["tank/a /var/lib\\040x zfs rw 0 0\n"]),
    _host(
        "zfs list of a backup",
        lambda host: zfs_backup_host.Zfs(host).read(zfs_backup_settings.Wanted("tank/a", True)),
        [TEXTS["zfs_list"]],
        ProblemError,
    ),
    _text("names of zfs_backup", zfs_points.parse, [TEXTS["point"]]),
    _text("zpool list", pools.parse_list, ["tank\tONLINE\t40\n"]),
    _text("zpool status -x", pools.parse_lost, _zfs_fixtures("*.txt")),
    # --- hardware
    _host("zpool of hardware_watch", pools.read, ["tank\tONLINE\t40\n", *_zfs_fixtures("data*.txt")]),
    _json("smartctl --json", lambda text: smart.read(_Said(text)), SMARTCTL),
    _host("memory's counters", _memory, ["0\n", "12\n", "DIMM_A1\n"]),
    _host("temperatures", temperatures.read, ["42000\n", "coretemp\n"]),
    _text("verdicts", lambda text: verdicts.read_file(text, 1.79e9), ["0 1790000000 600 all is well\n"]),
    _json("history of hardware_watch", _history, [HISTORY]),
    # --- files of ours
    _json("settings of backup", backup_settings.read_settings, [BACKUP_SETTINGS], ProblemError),
    _json("settings of zfs_backup", zfs_backup_settings.read_settings, [ZFS_BACKUP_SETTINGS], ProblemError),
    _json("settings of hardware_watch", hardware_settings.read_settings, [HARDWARE_SETTINGS], ProblemError),
    _json("settings of the failover IP", failover_settings.parse, [FAILOVER_SETTINGS], ProblemError),
    _json("credentials of the failover IP", failover_settings.credentials, [{"token": "x"}], ProblemError),
    _json("what is beside a backup", lambda text: backup_names.read_beside(text, "x"), [BESIDE], ProblemError),
    _text("names of backups", backup_names.parse, [TEXTS["archive"]]),
    _json("what is beside a snapshot", _snapshot, [SNAPSHOT]),
    _json("reports of backups", lambda text: backup_report.read(_Said(text), "/x", "y"), [{"started": 1}]),
    _json("a bundle's manifest", lambda text: parse_manifest(text, "x"), [BUNDLE], ProblemError),
    _text(
        "an image's reference",
        lambda text: (bundle_images.check_reference(text), bundle_images.archive_of(text)),
        ["registry.k8s.io/pause:3.10"],
        ProblemError,
    ),
    _text("a system's name", bundle_needs.system_of, ["debian-12", "rocky-9.4"]),
    _json("skopeo inspect", _skopeo, [{"schemaVersion": 2, "layers": [{"size": 3}], "config": {"size": 1}}], ProblemError),
    _text("lists of images", _images, ["registry.k8s.io/pause:3.10\nbusybox\n", '{"images": [{"repoTags": ["a:b"]}]}']),
    _text("sha256sum's lines", rke2_release.parse_checksums, ["a" * 64 + "  rke2.linux-amd64.tar.gz\n"]),
    _text("rke2 --version", rke2_layout.parse_version, ["rke2 version v1.36.3+rke2r1 (abc)\n"]),
    _json("keys of encryption at rest", encryption.parse, [ENCRYPTION], ValueError),
    # --- servers elsewhere
    _bytes("S3's lists", lambda body: _bucket()._page(body), S3_LIST, ProblemError),
    _bytes("S3's refusals", lambda body: str(_bucket()._refused("x", 403, body)), S3_ERROR),
    _answers(
        "ovh",
        {"endpoint": "ovh-eu", "application_key": "a", "application_secret": "b", "consumer_key": "c"},
        "ns1.ip-198-51-100.eu",
    ),
    _answers("hetzner_robot", {"user": "a", "password": "b"}, "198.51.100.1"),
    _answers("hetzner_cloud", {"token": "a"}, "41"),
    _answers(
        "scaleway",
        {"secret_key": "11111111-1111-1111-1111-111111111111", "zone": "fr-par-1"},
        "22222222-2222-4222-8222-222222222222",
    ),
)
