# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One description through every API, every trap of the fact sheet's section 10, and whatever hypothesis thinks of."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm import translate
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.config import DOCUMENTS, render
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.errors import ConfigError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import merged
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

TOKEN = "abcdef.0123456789abcdef"
HASH = "sha256:" + "0" * 64
JOIN = {"discovery": {"token": TOKEN, "api_server_endpoint": "10.0.0.100:8443", "ca_cert_hashes": [HASH]}}
DESCRIPTION = {
    "init": {
        "advertise_address": "10.0.0.11",
        "bind_port": "6443",
        "node_name": "cp1",
        "cri_socket": "unix:///run/containerd/containerd.sock",
        "taints": [],
        "kubelet_extra_args": {"v": 2},
        "patches_directory": "/etc/kubernetes/patches",
        "timeouts": {"control_plane_component_health_check": "6m0s"},
    },
    "cluster": {
        "control_plane_endpoint": "10.0.0.100:8443",
        "image_repository": "",
        "networking": {"pod_subnet": "10.244.0.0/16", "service_subnet": "10.96.0.0/16"},
        "api_server": {"extra_args": {"profiling": False}, "cert_sans": ["k8s.example.com"]},
        "proxy": {"disabled": True},
    },
    "kubelet": {"maxPods": 110},
}

TOP = """\
---
apiVersion: kubeadm.k8s.io/%s
kind: InitConfiguration
localAPIEndpoint:
  advertiseAddress: "10.0.0.11"
  bindPort: 6443
nodeRegistration:
  criSocket: unix:///run/containerd/containerd.sock
  kubeletExtraArgs:
%s
  name: cp1
  taints: []
"""
MIDDLE = """\
---
apiVersion: kubeadm.k8s.io/%s
kind: ClusterConfiguration
apiServer:
  certSANs:
    - k8s.example.com
  extraArgs:
%s
"""
END = """\
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 110
"""
NETWORKS = 'networking:\n  podSubnet: "10.244.0.0/16"\n  serviceSubnet: "10.96.0.0/16"\n'
ENDPOINT = 'controlPlaneEndpoint: "10.0.0.100:8443"\nkubernetesVersion: v%s\n'
PATCHES = "patches:\n  directory: /etc/kubernetes/patches\n"

GOLDEN = {
    "1.20.2": TOP % ("v1beta2", '    v: "2"')
    + MIDDLE % ("v1beta2", '    profiling: "false"')
    + '  timeoutForControlPlane: "6m0s"\n'
    + ENDPOINT % "1.20.2"
    + NETWORKS
    + END,
    "1.28.7": TOP % ("v1beta3", '    v: "2"')
    + PATCHES
    + "skipPhases:\n  - addon/kube-proxy\n"
    + MIDDLE % ("v1beta3", '    profiling: "false"')
    + '  timeoutForControlPlane: "6m0s"\n'
    + ENDPOINT % "1.28.7"
    + NETWORKS
    + END,
    "1.36.3": TOP % ("v1beta4", '    - name: v\n      value: "2"')
    + PATCHES
    + 'timeouts:\n  controlPlaneComponentHealthCheck: "6m0s"\n'
    + MIDDLE % ("v1beta4", '    - name: profiling\n      value: "false"')
    + ENDPOINT % "1.36.3"
    + NETWORKS
    + "proxy:\n  disabled: true\n"
    + END,
}


@pytest.mark.parametrize("version", GOLDEN)
def test_one_description_gives_each_api_its_own_file(version):
    rendered = render(version, ["init", "cluster", "kubelet"], DESCRIPTION)
    assert rendered.text == GOLDEN[version]
    assert [document["kind"] for document in yaml.safe_load_all(rendered.text)] == [
        "InitConfiguration",
        "ClusterConfiguration",
        "KubeletConfiguration",
    ]


def test_what_v1beta2_has_no_field_for_becomes_arguments():
    rendered = render("1.20.2", ["init", "cluster"], DESCRIPTION)
    assert rendered.flags == ["--experimental-patches=/etc/kubernetes/patches", "--skip-phases=addon/kube-proxy"]
    assert render("1.28.7", ["init", "cluster"], DESCRIPTION).flags == []


def test_reset_and_upgrade_are_arguments_before_v1beta4_and_documents_after():
    description = {
        "reset": {"force": True, "ignore_preflight_errors": ["A", "B"]},
        "upgrade": {"apply": {"kubernetes_version": "1.28.8", "certificate_renewal": False}},
    }
    old = render("1.28.8", ["reset"], description)
    assert (old.text, old.flags) == ("", ["--force", "--ignore-preflight-errors=A,B"])
    assert old.flags_by_command["upgrade_apply"] == ["v1.28.8", "--certificate-renewal=false"]
    new = render("1.36.3", ["reset"], {"reset": description["reset"]})
    assert new.documents[0]["kind"] == "ResetConfiguration"
    assert new.flags == []


def test_what_an_older_api_does_anyway_is_left_out_quietly():
    description = {
        "init": {"image_pull_policy": "IfNotPresent", "timeouts": {"tls_bootstrap": "300s"}},
        "cluster": {"encryption_algorithm": "RSA-2048", "certificate_validity_period": "8760h", "proxy": {"disabled": False}},
    }
    assert "imagePull" not in render("1.20.2", ["init", "cluster"], description).text


def test_dual_stack_brings_its_gate_where_it_is_alpha():
    description = {
        "cluster": {"networking": {"pod_subnet": "10.244.0.0/16,fd00::/56", "service_subnet": "10.96.0.0/16,fd01::/112"}}
    }
    assert "IPv6DualStack: true" in render("1.20.2", ["cluster"], description).text
    assert "IPv6DualStack" not in render("1.28.7", ["cluster"], description).text


def test_extra_is_merged_last_and_replaces_lists():
    extra = {"ClusterConfiguration": {"apiServer": {"certSANs": ["other.example.com"]}}}
    document = render("1.28.7", ["cluster"], DESCRIPTION, extra=extra).documents[0]
    assert document["apiServer"] == {
        "certSANs": ["other.example.com"],
        "extraArgs": {"profiling": "false"},
        "timeoutForControlPlane": "6m0s",
    }


def test_a_repeated_argument_is_a_list_in_v1beta4_and_refused_before():
    description = {"cluster": {"api_server": {"extra_args": {"feature-gates": ["A=true", "B=true"]}}}}
    arguments = render("1.36.3", ["cluster"], description).documents[0]["apiServer"]["extraArgs"]
    assert arguments == [{"name": "feature-gates", "value": "A=true"}, {"name": "feature-gates", "value": "B=true"}]
    assert "can't repeat" in refusal("1.28.7", description)


def test_control_plane_with_nothing_in_it_still_joins_a_control_plane():
    rendered = render("1.28.7", ["join"], {"join": dict(JOIN, control_plane={})})
    assert rendered.documents[0]["controlPlane"] == {}
    assert "controlPlane" not in render("1.28.7", ["join"], {"join": dict(JOIN, control_plane=None)}).documents[0]


def refusal(version, description, **options):
    with pytest.raises(ConfigError) as refused:
        render(version, options.pop("documents", ["init", "cluster"]), description, **options)
    return str(refused.value)


def networks(pod, service="10.96.0.0/16", **arguments):
    return {
        "cluster": {
            "networking": {"pod_subnet": pod, "service_subnet": service},
            "controller_manager": {"extra_args": arguments.get("arguments", {})},
        }
    }


def proxy(**fields):
    return {"kube_proxy": fields}


def cluster(**fields):
    return {"cluster": fields}


def init(**fields):
    return {"init": fields}


def etcd_argument(name, value):
    return cluster(etcd={"local": {"extra_args": {name: value}}})


#: (fact sheet: trap of section 10, or section), version, description, words of the refusal, options.
REFUSED = [
    ("trap 1", "1.30.2", {}, "kubeadm 1.30 does not take v1beta4", {"api_version": "v1beta4"}),
    (
        "trap 2",
        "1.31.0",
        {},
        "v1beta4 takes a list of {name, value} here, not a map",
        {"extra": {"ClusterConfiguration": {"apiServer": {"extraArgs": {"v": "2"}}}}},
    ),
    (
        "trap 2, the other way",
        "1.28.7",
        {},
        "v1beta3 takes a map of name: value here",
        {"extra": {"ClusterConfiguration": {"apiServer": {"extraArgs": [{"name": "v", "value": "2"}]}}}},
    ),
    ("trap 3", "1.36.3", proxy(mode="none"), "Write cluster: {proxy: {disabled: true}}", {}),
    ("trap 10 etcd", "1.28.7", etcd_argument("listen-metrics-urls", "http://0.0.0.0:2381"), "plain HTTP", {}),
    ("trap 10 etcd v6", "1.28.7", etcd_argument("listen-metrics-urls", "http://[::]:2381"), "plain HTTP", {}),
    (
        "trap 10 scheduler",
        "1.28.7",
        cluster(scheduler={"extra_args": {"bind-address": "0.0.0.0"}}),
        "bind-address 0.0.0.0 listens on public addresses too",
        {},
    ),
    (
        "trap 10 controller manager",
        "1.36.3",
        cluster(controller_manager={"extra_args": {"bind-address": "::"}}),
        "allow_public_metrics",
        {},
    ),
    ("trap 10 kube-proxy", "1.36.3", proxy(metricsBindAddress="0.0.0.0:10249"), "listens on public addresses", {}),
    ("trap 15", "1.36.3", networks("10.0.0.0/8", "10.43.0.0/16"), "overlap", {}),
    ("trap 20", "1.24.0", init(cri_socket="unix:///var/run/dockershim.sock"), "dockershim left Kubernetes in 1.24", {}),
    ("trap 31", "1.28.7", networks("10.244.0.0/16", "172.32.0.0/16"), "172.32.0.0/16 is public address space", {}),
    ("trap 33", "1.37.0", {}, "kubeadm 1.37 does not take v1beta3", {"api_version": "v1beta3"}),
    ("trap 34", "1.27.8", init(node_name="192.168.6.149"), "192.168.6.149 is an address", {}),
    ("trap 36", "1.27.8", cluster(image_repository="http://192.168.6.164:5000/x"), "Write 192.168.6.164:5000/x", {}),
    ("trap 37", "1.28.7", {"kubelet": {"cgroupDriver": "cgroupfs"}}, "Write systemd", {}),
    ("trap 40", "1.26.0", proxy(mode="userspace"), "userspace was removed in Kubernetes 1.26", {}),
    ("trap 41", "1.28.7", proxy(mode="kernelspace"), "the mode of Windows nodes", {}),
    ("trap 42", "1.28.7", proxy(mode="ipvs", ipvs={"scheduler": "fastest"}), "ip_vs has no scheduler 'fastest'", {}),
    ("trap 23", "1.35.0", {"kubelet": {"maxPods": 9}, "init": {}}, "failCgroupV1: false", {"cgroup_version": 1}),
    ("1.4 nftables too early", "1.28.7", proxy(mode="nftables"), "nftables came with Kubernetes 1.29", {}),
    ("1.4 nftables alpha", "1.29.0", proxy(mode="nftables"), "featureGates: {NFTablesProxyMode: true}", {}),
    ("1.4 a mode that never was", "1.28.7", proxy(mode="iptable"), "Did you mean iptables?", {}),
    ("1.4 pause flag", "1.35.0", init(kubelet_extra_args={"pod-infra-container-image": "x"}), "Set the sandbox", {}),
    ("1.4 wrong field", "1.28.7", {"kubelet": {"maxPod": 1}}, "Did you mean maxPods?", {}),
    ("1.4 wrong type", "1.28.7", {"kubelet": {"maxPods": "110"}}, "Write digits, without quotes", {}),
    ("1.4 field too new", "1.28.7", {"kubelet": {"failCgroupV1": False}}, "Kubernetes 1.31 and newer", {}),
    ("1.3 unpinned", "1.28.7", cluster(kubernetes_version="stable-1"), "looked up on the internet", {}),
    ("1.3 no version", "1.28", {}, "names a minor", {}),
    ("1.1 too old a plane", "1.28.7", cluster(kubernetes_version="1.26.0"), "its own minor or the one before", {}),
    ("1.1 too new a plane", "1.28.7", cluster(kubernetes_version="1.29.0"), "none newer than itself", {}),
    ("1.3 certificate key", "1.28.7", init(certificate_key="abc"), "64 hexadecimal digits", {}),
    ("1.3 token", "1.28.7", init(bootstrap_tokens=[{"token": "abc"}]), "[a-z0-9]{6}.[a-z0-9]{16}", {}),
    (
        "kubeadm 1.20.2 on usages",
        "1.20.2",
        init(bootstrap_tokens=[{"token": TOKEN, "usages": ["signing"]}]),
        "Write [signing, authentication]",
        {},
    ),
    (
        "1.3 ttl and expires",
        "1.28.7",
        init(bootstrap_tokens=[{"token": TOKEN, "ttl": "1h", "expires": "2027-01-01T00:00:00Z"}]),
        "ttl or expires, not both",
        {},
    ),
    (
        "1.3 both etcds",
        "1.28.7",
        cluster(etcd={"local": {"data_dir": "/a"}, "external": {"endpoints": ["https://a:2379"]}}),
        "local or external, not both",
        {},
    ),
    ("1.3 etcd scheme", "1.28.7", cluster(etcd={"external": {"endpoints": ["10.0.0.1:2379"]}}), "is no URL", {}),
    (
        "1.3 etcd key alone",
        "1.28.7",
        cluster(etcd={"external": {"endpoints": ["https://a:2379"], "key_file": "/k"}}),
        "the certificate and its key go together",
        {},
    ),
    (
        "1.2 httpEndpoints",
        "1.34.0",
        cluster(etcd={"external": {"endpoints": ["https://a:2379"], "http_endpoints": ["http://a:2381"]}}),
        "Kubernetes 1.35 and newer",
        {},
    ),
    ("1.3 service subnet", "1.28.7", networks("10.128.0.0/16", "10.0.0.0/11"), "2^21 addresses", {}),
    ("1.3 service subnet v6", "1.28.7", networks("fd00::/56", "fd01::/100"), "/108 or longer", {}),
    ("1.3 pod mask", "1.28.7", networks("10.244.0.0/25"), "smaller than the /24", {}),
    ("1.3 pod mask difference", "1.28.7", networks("fd00::/40", "fd01::/112"), "/48 or longer", {}),
    (
        "1.3 mask of dual stack",
        "1.28.7",
        networks("10.244.0.0/16,fd00::/56", "10.96.0.0/16,fd01::/112", arguments={"node-cidr-mask-size": 24}),
        "node-cidr-mask-size-ipv4",
        {},
    ),
    ("1.3 overlap", "1.28.7", networks("10.96.0.0/12", "10.100.0.0/16"), "share no address", {}),
    ("1.3 default services", "1.28.7", networks("10.96.0.0/16", ""), "10.96.0.0/12", {}),
    ("1.3 two of a family", "1.28.7", networks("10.244.0.0/16,10.245.0.0/16"), "one of each family", {}),
    ("1.3 host bits", "1.28.7", networks("10.244.0.1/16"), "Write 10.244.0.0/16", {}),
    ("1.3 P384 too early", "1.33.0", cluster(encryption_algorithm="ECDSA-P384"), "Write one of: RSA-2048", {}),
    ("1.2 validity too early", "1.28.7", cluster(certificate_validity_period="100h"), "It is in v1beta4", {}),
    ("1.2 pull policy", "1.20.2", init(image_pull_policy="Always"), "It is in v1beta3 and v1beta4", {}),
    ("1.3 endpoint as URL", "1.28.7", cluster(control_plane_endpoint="https://10.0.0.1:6443"), "without https://", {}),
    ("1.3 endpoint's port", "1.28.7", cluster(control_plane_endpoint="10.0.0.1:99999"), "no port from 1 to 65535", {}),
    ("1.3 hashes", "1.28.7", {"join": {"discovery": {"token": TOKEN, "api_server_endpoint": "a:1"}}}, "ca_cert_hashes", {}),
    ("1.3 socket", "1.28.7", init(cri_socket="/run/containerd/containerd.sock"), "Write unix:///run/containerd", {}),
    ("1.3 unmount flag", "1.36.3", {"reset": {"unmount_flags": ["MNT_DETACHED"]}}, "MNT_DETACH", {}),
    ("2.4 experimental etcd", "1.36.0", etcd_argument("experimental-initial-corrupt-check", "true"), "is gone", {}),
    ("camel case", "1.28.7", init(advertiseAddress="10.0.0.1"), "Did you mean advertise_address?", {}),
    ("misplaced", "1.28.7", init(pod_subnet="10.244.0.0/16"), "It belongs in cluster.networking.pod_subnet", {}),
    (
        "misplaced in extra",
        "1.28.7",
        {},
        "It belongs in ClusterConfiguration.networking.podSubnet",
        {"extra": {"InitConfiguration": {"podSubnet": "10.244.0.0/16"}}},
    ),
    ("unknown kind", "1.28.7", {}, "Did you mean ClusterConfiguration?", {"extra": {"ClusterConfig": {}}}),
    ("API in extra", "1.28.7", {}, "api_version picks the API", {"extra": {"InitConfiguration": {"apiVersion": "x"}}}),
    ("all", "1.28.7", init(ignore_preflight_errors=["all"]), "all hides every problem", {}),
    ("phase", "1.28.7", init(skip_phases=["addons/kube-proxy"]), "Did you mean addon/kube-proxy", {}),
    ("dashes", "1.28.7", init(kubelet_extra_args={"--v": "2"}), "without dashes", {}),
    ("read-only port", "1.28.7", {"kubelet": {"readOnlyPort": 10255}}, "without a login", {}),
    ("not supported", "1.22.0", {}, "makes no configuration for Kubernetes 1.22", {}),
    ("unknown document", "1.28.7", {}, "there is no document 'initial'", {"documents": ["initial"]}),
]


@pytest.mark.parametrize(("version", "description", "words", "options"), [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_kubeadm_would_fail_on_or_worse_take_is_refused_with_what_to_write(version, description, words, options):
    assert words in refusal(version, description, **dict(options))


def test_every_problem_is_reported_at_once_with_setting_problem_and_remedy():
    with pytest.raises(ConfigError) as refused:
        render("1.28.7", ["init"], {"init": {"nodename": "a", "bind_port": 0}, "kube_proxy": {"mode": "none"}})
    assert {problem.setting for problem in refused.value.problems} == {"init.nodename", "init.bind_port", "kube_proxy.mode"}
    assert all(problem.problem and problem.remedy for problem in refused.value.problems)


@pytest.mark.parametrize(
    ("version", "description", "words"),
    [
        ("1.35.0", proxy(mode="ipvs"), "ipvs is deprecated"),  # trap 38, SR-1.35 #134539
        ("1.28.7", networks("172.31.0.0/16"), "Docker hands out"),  # trap 32
        ("1.28.7", proxy(mode="ipvs", ipvs={"scheduler": "mh"}), "ip_vs_mh"),  # trap 42
        ("1.28.7", cluster(image_repository="192.168.6.164:5000/well-known"), "well-known/coredns:v1.10.1"),  # trap 36
        ("1.28.7", {"join": dict(JOIN, control_plane={})}, "without a certificate_key"),  # trap 9
    ],
)
def test_what_works_but_bites_later_is_a_warning(version, description, words):
    assert any(words in warning for warning in render(version, ["init", "cluster"], description).warnings)


def test_public_metrics_are_taken_when_allowed():
    description = etcd_argument("listen-metrics-urls", "http://0.0.0.0:2381")
    assert render("1.28.7", ["cluster"], description, allow_public_metrics=True).text
    assert render("1.28.7", ["cluster"], etcd_argument("listen-metrics-urls", "http://127.0.0.1:2381,http://10.0.0.1:2381")).text


def test_cgroup_v1_is_taken_where_it_is_asked_for_by_name():
    description = {"init": {"ignore_preflight_errors": ["SystemVerification"]}, "kubelet": {"failCgroupV1": False}}
    assert render("1.35.0", ["init", "kubelet"], description, cgroup_version=1).text


def test_merge_goes_by_name_and_leaves_its_arguments_alone():
    base = {"a": {"b": [1], "c": 2}}
    assert merged(base, {"a": {"b": [3]}}) == {"a": {"b": [3], "c": 2}}
    assert base == {"a": {"b": [1], "c": 2}}


NAMES = st.sampled_from(sorted({part for name in translate.settings() for part in name.split(".")[1:]} | {"x", ""}))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-5, 70000)
    | st.floats(allow_nan=False)
    | st.text(max_size=12)
    | st.sampled_from(
        ["10.0.0.0/8", "fd00::/8", "10.244.0.0/16,fd00::/56", "1.28.7", "0.0.0.0", "http://[", "a:b:c", "4m", TOKEN, "/x"]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4) | st.dictionaries(st.integers(), inner),
    max_leaves=10,
)
API_NAMES = st.sampled_from(sorted(translate.KUBEADM["ClusterConfiguration"].fields) + ["networking", "nodeRegistration", "ipvs"])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    version=st.sampled_from(["1.20.2", "1.24.0", "1.28.7", "1.31.0", "1.37.0"]),
    description=st.dictionaries(st.sampled_from(list(DOCUMENTS)), st.dictionaries(NAMES, VALUES, max_size=5) | VALUES),
    extra=st.dictionaries(st.sampled_from(["ClusterConfiguration", "KubeProxyConfiguration"]), st.dictionaries(API_NAMES, VALUES)),
)
def test_whatever_is_described_there_is_a_file_or_a_list_of_problems(version, description, extra):
    try:
        rendered = render(version, list(DOCUMENTS), description, extra=extra)
    except ConfigError as error:
        assert error.problems
    else:
        assert list(yaml.safe_load_all(rendered.text)) == rendered.documents


def tree_values(branch):
    """A strategy of values at the places where the description has settings."""
    return st.fixed_dictionaries(
        {},
        optional={
            name: (tree_values(entry) | VALUES) if isinstance(entry, translate.Branch) else VALUES
            for name, entry in branch.entries.items()
        },
    )


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    version=st.sampled_from(["1.20.2", "1.28.7", "1.36.3"]),
    description=st.fixed_dictionaries({section: tree_values(branch) for section, branch in translate.TREE.items()}),
)
def test_whatever_stands_in_a_setting_there_is_a_file_or_a_list_of_problems(version, description):
    try:
        render(version, list(DOCUMENTS), description)
    except ConfigError as error:
        assert error.problems
