"""The charts of the roles, which are not part of this collection, rendered and installed by real Helm with the values of the roles.

CHARTS names a folder with the charts' folders, whole (with what they depend on in their charts/). The API server is the newest
that the lab has built, since most charts refuse 1.20. There are no controllers, so nothing of what is installed runs.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
import subprocess
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.needs import images_in
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.apply import apply, plan_apply
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import merged
from real_helm import MAJORS, RealHelm, completed_jobs, program
from roles_render import ROOT, expression, role_variables
from stored import lacks
from yaml_files import read_yaml

NODES = ["cp1", "cp2", "cp3"]
MIRROR = "registry.example.org/mirror"


class Case(NamedTuple):
    """Settings of a role; which of its tasks installs the chart; and what its tasks apply before and after."""

    role: str
    file: str
    chart: str
    settings: Dict[str, Any]
    before: Tuple[str, ...] = ()
    after: Tuple[str, ...] = ()
    #: Whether all images come from MIRROR.
    mirrored: bool = False


def of_filter(role: str, *fields: str) -> Tuple[str, ...]:
    return tuple("{{ (_%s_settings | baremetal.kubernetes.%s_settings)['%s'] }}" % (role, role, field) for field in fields)


def cilium(**settings: Any) -> Case:
    given = {"cluster_endpoint": "192.0.2.100:8443", "cni_expected_nodes": NODES, **settings}
    return Case("cni", "cilium.yml", "cilium", given, mirrored="cni_cilium_registry" in settings)


def calico(**settings: Any) -> Case:
    given = {"cluster_endpoint": "192.0.2.100:8443", "cni_expected_nodes": NODES, **settings}
    return Case("cni", "calico.yml", "tigera-operator", given, mirrored="cni_calico_registry" in settings)


def metallb(**settings: Any) -> Case:
    pool = {"name": "rack", "addresses": ["192.0.2.200-192.0.2.220"]}
    given = {"metallb_address_pools": [pool], "cluster_control_plane_schedulable": False, **settings}
    before = of_filter("metallb", "namespaces", "secrets")
    return Case("metallb", "install.yml", "metallb", given, before, of_filter("metallb", "objects"))


def monitoring(**settings: Any) -> Case:
    given = {"monitoring_mode": "stack", **settings}
    names = of_filter("monitoring", "namespaces"), of_filter("monitoring", "objects")
    return Case("monitoring", "install.yml", "kube-prometheus-stack", given, *names)


def openebs(**settings: Any) -> Case:
    given = {"openebs_zfs_pool": "tank/volumes", **settings}
    names = of_filter("openebs_zfs", "namespaces"), of_filter("openebs_zfs", "objects")
    return Case("openebs_zfs", "install.yml", "zfs-localpv", given, *names)


def longhorn(**settings: Any) -> Case:
    given = {"longhorn_enabled": True, **settings}
    return Case("longhorn", "install.yml", "longhorn", given, of_filter("longhorn", "namespaces"), of_filter("longhorn", "objects"))


def ceph(chart: str, **settings: Any) -> Case:
    given = {
        "ceph_csi_cluster_id": "b9127830-b0cc-4e34-aa47-9d1a2e9949a8",
        "ceph_csi_monitors": ["192.0.2.21:6789", "[v2:192.0.2.22:3300]"],
        "ceph_csi_rbd_pool": "kubernetes",
        "ceph_csi_rbd_user": "kubernetes",
        "ceph_csi_rbd_key": "AQD0SECRET==",
        "ceph_csi_cephfs_name": "shared",
        "ceph_csi_cephfs_user": "kubernetes-fs",
        "ceph_csi_cephfs_key": "AQD1SECRET==",
        **settings,
    }
    before = of_filter("ceph_csi", "namespaces", "secrets")
    return Case("ceph_csi", "main.yml", chart, given, before, of_filter("ceph_csi", "objects"))


CALICO_PEERS = [{"address": "192.0.2.1", "as_number": 64512, "node_selector": "rack == 'a'"}]
TOR = {"name": "tor", "address": "192.0.2.1", "my_as": 64512, "peer_as": 64511, "password": "hunter2"}
CASES = {
    "cilium": cilium(),
    "cilium-one-node": cilium(cni_expected_nodes=["cp1"], cni_mtu=1400),
    "cilium-pool": cilium(
        cluster_pod_subnet="10.244.0.0/16",
        cni_cilium_values={"ipam": {"mode": "cluster-pool", "operator": {"clusterPoolIPv4PodCIDRList": ["10.244.0.0/17"]}}},
    ),
    "cilium-no-kube-proxy": cilium(
        cluster_proxy_mode="disabled",
        cluster_pod_subnet="10.244.0.0/16,fd00:10:244::/56",
        cni_cilium_l2_announcements=True,
        cni_cilium_bgp=True,
    ),
    "cilium-mirror": cilium(
        cni_cilium_registry=MIRROR, cni_cilium_values={"hubble": {"relay": {"enabled": True}, "ui": {"enabled": True}}}
    ),
    "calico": calico(),
    "calico-ebpf": calico(cluster_proxy_mode="disabled", cni_calico_dataplane="ebpf", cni_calico_registry=MIRROR + "/"),
    "calico-bgp": calico(
        cni_calico_bgp=True,
        cni_calico_bgp_peers=CALICO_PEERS,
        cni_calico_encapsulation="ipip-cross-subnet",
        cni_calico_block_size=27,
        cni_expected_nodes=["cp1"],
        cni_mtu=1420,
    ),
    "calico-two-families": calico(cluster_pod_subnet="10.244.0.0/16,fd00:10:244::/56"),
    "metallb": metallb(),
    "metallb-bgp": metallb(
        metallb_bgp_peers=[TOR],
        metallb_load_balancer_class="metallb",
        metallb_address_pools=[
            {"name": "public", "addresses": ["203.0.113.11/32", "203.0.113.12/32"], "advertise": "routed"},
            {"name": "fabric", "addresses": ["198.51.100.0/28"], "advertise": "bgp"},
        ],
    ),
    "metallb-native": metallb(metallb_bgp_peers=[TOR], metallb_bgp_backend="native"),
    "monitoring": monitoring(),
    "monitoring-all": monitoring(
        monitoring_storage_class="fast-local-zfs",
        monitoring_webhook_url="https://hooks.example.org/x",
        monitoring_grafana=True,
        node_problem_detector_enabled=True,
    ),
    "snapshot-controller": Case("snapshot_controller", "main.yml", "snapshot-controller", {"snapshot_controller_enabled": True}),
    "openebs": openebs(),
    "openebs-ext4": openebs(
        openebs_zfs_nodes=["worker1"],
        openebs_zfs_default_class=True,
        openebs_zfs_fstype="ext4",
        openebs_zfs_parameters={"compression": "lz4", "volblocksize": "16k"},
    ),
    "longhorn": longhorn(),
    "longhorn-local": longhorn(longhorn_replicas=1, longhorn_data_locality="strict-local", longhorn_data_path="/srv/longhorn"),
    "ceph-rbd": ceph("ceph-csi-rbd"),
    "ceph-fs": ceph("ceph-csi-cephfs"),
}
#: Maps of charts that take any name, and what a chart reads without naming it among its values.
ANYTHING = re.compile(
    r"^(tigera-operator\.installation\.(calicoNetwork|variant|controlPlaneReplicas|registry)|tigera-operator\.kubernetesServiceEndpoint\..*"
    r"|kube-prometheus-stack\.prometheus-node-exporter\.prometheus\.monitor\.relabelings"
    r"|kube-prometheus-stack\.prometheus\.prometheusSpec\.storageSpec\..*)$"
)


@pytest.fixture(scope="session")
def charts(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A folder with the archives."""
    folder = os.environ.get("CHARTS")
    if not folder:
        pytest.skip("CHARTS names no folder with the charts of the roles: they are not tried")
    made = tmp_path_factory.mktemp("charts")
    for chart in sorted(pathlib.Path(folder).glob("*/Chart.yaml")):
        subprocess.run([program(MAJORS[0]), "package", chart.parent, "--destination", made], check=True, capture_output=True)
    return made


@pytest.fixture(params=MAJORS, ids="helm{}".format)
def helm(request: pytest.FixtureRequest, charts: pathlib.Path, current_cluster: Any, capsys: Any) -> RealHelm:
    return RealHelm(str(program(request.param)), current_cluster.kubeconfig, capsys)


@pytest.fixture
def kubectl(current_cluster: Any) -> Kubectl:
    return Kubectl(HostRunner(), current_cluster.kubeconfig, current_cluster.kubectl)


@pytest.fixture(autouse=True)
def _jobs(request: pytest.FixtureRequest) -> Iterator[None]:
    if "kubectl" not in request.fixturenames:
        yield
        return
    with completed_jobs(request.getfixturevalue("kubectl")):
        yield


def variables_of(role: str) -> Dict[str, Any]:
    return role_variables(role) if (ROOT / "roles" / role / "vars" / "main.yml").exists() else {}


def options_of(case: Case, charts: pathlib.Path) -> Dict[str, Any]:
    """What the role hands to module helm_release, with archives in the place of charts that Helm would pull."""
    tasks = read_yaml(ROOT / "roles" / case.role / "tasks" / case.file)
    for task in tasks:
        options = task.get("baremetal.kubernetes.helm_release")
        own = {**variables_of(case.role), **case.settings, **task_variables(task)}
        if options is None or expression(case.role, options["chart"], **own) != case.chart:
            continue
        found = {name: expression(case.role, text, **own) if isinstance(text, str) else text for name, text in options.items()}
        for name in ("chart", "crds_chart"):
            if found.get(name):
                found[name], found["version"] = archive(charts, found[name])
        return {**found, "repository": "", "helm_path": None}
    raise AssertionError("no task of %s installs %s" % (case.role, case.chart))


def task_variables(task: Dict[str, Any]) -> Dict[str, Any]:
    return dict(task.get("vars") or {})


def archive(charts: pathlib.Path, chart: str) -> Tuple[str, str]:
    """Path and version; where CHARTS has another version than the role wants, the report says so."""
    found = [path for path in charts.glob(chart + "-*.tgz") if re.fullmatch(re.escape(chart) + r"-v?[0-9][^/]*\.tgz", path.name)]
    if len(found) != 1:
        pytest.skip("CHARTS has no %s" % chart)
    return str(found[0]), found[0].name[len(chart) + 1 : -len(".tgz")]


def objects_of(case: Case, expressions: Tuple[str, ...]) -> List[Dict[str, Any]]:
    tasks = read_yaml(ROOT / "roles" / case.role / "tasks" / case.file)
    own = {name: value for task in tasks for name, value in task_variables(task).items()}
    found = [expression(case.role, text, **{**variables_of(case.role), **case.settings, **own}) for text in expressions]
    return [one for objects in found for one in objects]


def unknown(ours: Any, theirs: Any, place: str) -> List[str]:
    """Names of values that the chart does not have, which Helm would take without a word."""
    found: List[str] = []
    for name, value in ours.items():
        here = "%s.%s" % (place, name)
        if ANYTHING.match(here):
            continue
        if name not in theirs:
            found.append(here)
        elif isinstance(value, dict) and isinstance(theirs[name], dict) and theirs[name]:
            found += unknown(value, theirs[name], here)
    return found


def own_values(chart: pathlib.Path) -> Dict[str, Any]:
    """Those of the chart laid over those of the charts within it, as Helm does."""
    path = chart / "values.yaml"
    values: Dict[str, Any] = yaml.load(path.read_text() if path.exists() else "", Loader=Loader) or {}
    for inner in sorted(chart.glob("charts/*/Chart.yaml")):
        values[inner.parent.name] = laid_over(own_values(inner.parent), values.get(inner.parent.name) or {})
    return values


def laid_over(base: Any, over: Any) -> Any:
    return merged(base, over) if isinstance(base, dict) and isinstance(over, dict) else over


class Loader(yaml.SafeLoader):
    """With YAML 1.1's lone = as the text that it is."""


Loader.add_constructor("tag:yaml.org,2002:value", yaml.SafeLoader.construct_yaml_str)


@pytest.mark.parametrize("name", CASES)
def test_every_value_is_one_that_the_chart_has(name: str, charts: pathlib.Path) -> None:
    case = CASES[name]
    values = options_of(case, charts)["values"]
    theirs = own_values(pathlib.Path(os.environ["CHARTS"]) / case.chart)
    assert unknown(values, theirs, case.chart) == []
    if case.role == "monitoring":
        ours = values["prometheus-node-exporter"]["extraArgs"]
        assert ours[:-1] == theirs["prometheus-node-exporter"]["extraArgs"], "a list replaces the chart's, which has to be in it"


@pytest.mark.parametrize("major", MAJORS, ids="helm{}".format)
@pytest.mark.parametrize("name", CASES)
def test_a_chart_with_the_roles_values_is_rendered_for_every_kubernetes(
    name: str, major: int, charts: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    case = CASES[name]
    options = options_of(case, charts)
    (tmp_path / "values.yaml").write_text(json.dumps(options["values"]))
    for version in ("1.30.0", "1.34.4", "1.36.3"):
        argv = [program(major), "template", options["name"], options["chart"], "--namespace", options["namespace"]]
        argv += ["--include-crds", "--kube-version", version, "--values", tmp_path / "values.yaml"]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        images = images_in(done.stdout)
        assert images
        if case.mirrored:
            assert [image for image in images if not image.startswith(MIRROR + "/")] == []


def end_namespaces(kubectl: Kubectl) -> None:
    """Let those that a chart took away be gone, as a controller does it: none runs beside the API server."""
    for one in kubectl.objects("namespaces"):
        if "deletionTimestamp" in one["metadata"]:
            name = one["metadata"]["name"]
            done = dict(one, spec={"finalizers": []})
            kubectl.run(["replace", "--raw", "/api/v1/namespaces/%s/finalize" % name, "--filename=-"], stdin=json.dumps(done))


@pytest.mark.parametrize("name", CASES)
def test_a_real_api_server_takes_what_is_installed_and_a_second_run_changes_nothing(
    name: str, helm: RealHelm, charts: pathlib.Path, kubectl: Kubectl, current_cluster: Any
) -> None:
    case = CASES[name]
    options = dict(options_of(case, charts), helm_path=helm.program, kubectl_path=current_cluster.kubectl)
    kubectl.run(["create", "namespace", options["namespace"]])
    before, objects = objects_of(case, case.before), objects_of(case, case.after)
    if before:
        apply(kubectl, before)
    try:
        assert helm.changes(**options) and not helm.changes(**options)
        if objects:
            # Nobody answers for the controller that checks them, which runs nowhere.
            kubectl.run(["delete", "validatingwebhookconfigurations", "--all"])
            apply(kubectl, objects)
            assert not plan_apply(kubectl, objects).differs
        if case.chart == "tigera-operator":
            stored = kubectl.object("x", "installation.operator.tigera.io", "default")["spec"]
            assert lacks(options["values"]["installation"], stored, "installation") == []
        # An upgrade takes another way through Helm than an installation; schemas of charts refuse names that they do not know.
        options["values"] = {**options["values"], "global": {"tried": True}}
        assert helm.changes(**options) and not helm.changes(**options)
    finally:
        for one in objects:
            kubectl.run(["delete", "--ignore-not-found", "--filename=-"], stdin=json.dumps(one))
        argv = helm.argv("uninstall", options["name"], "--namespace", options["namespace"], "--no-hooks")
        subprocess.run(argv, capture_output=True, check=False)
        end_namespaces(kubectl)
