"""Each parser on the texts that matter, and all of them on garbage."""

from __future__ import annotations

import json
import pathlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, List, Optional

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node import (
    certificates,
    collect,
    health,
    kernel,
    kubernetes,
    network,
    others,
    packages,
    readyz,
    runtime,
    services,
    storage,
    swap,
    system,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import State, Traces, decide
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.problems import Problems
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import TIMED_OUT, HostRunner, Result
from fakes import FakeRunner
from hypothesis import given, settings
from hypothesis import strategies as st

HANDWRITTEN = pathlib.Path(__file__).resolve().parents[4] / "fixtures" / "node" / "handwritten"


def handwritten(name: str) -> str:
    return (HANDWRITTEN / name).read_text()


# --- system


@pytest.mark.parametrize(
    ("name", "identity", "version", "family", "codename"),
    [
        ("rhel9", "rhel", "9.4", "redhat", None),
        ("rocky9", "rocky", "9.4", "redhat", None),
        ("ubuntu2404", "ubuntu", "24.04", "debian", "noble"),
    ],
)
def test_the_family_comes_from_id_or_id_like(name: str, identity: str, version: str, family: str, codename: Optional[str]) -> None:
    found = system.parse_os_release(handwritten(name + "-os-release"))
    assert (found["id"], found["version_id"], found["family"], found["codename"]) == (identity, version, family, codename)


def test_an_unknown_distribution_is_other_and_an_unknown_descendant_of_a_known_one_is_not() -> None:
    assert system.parse_os_release("ID=alpine\n")["family"] == "other"
    assert system.parse_os_release('ID=newone\nID_LIKE="something ubuntu"\n')["family"] == "debian"


def test_only_a_unified_mount_at_the_root_is_cgroup_2() -> None:
    assert system.cgroup_version(handwritten("cgroup2-mountinfo")) == 2
    hybrid = (
        "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
        "32 31 0:29 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
    )
    assert system.cgroup_version(hybrid) == 1


@pytest.mark.parametrize(("allowed", "count"), [("0-1", 2), ("0", 1), ("0-3,8-11", 8), ("1,3,5", 3)])
def test_cpus_are_those_that_may_be_used(allowed: str, count: int) -> None:
    assert system.count_cpus("Name:\tx\nCpus_allowed_list:\t%s\n" % allowed) == count


def test_selinux_is_told_by_the_kernel() -> None:
    assert [system.selinux_mode(text) for text in (None, "0", "1\n")] == ["disabled", "permissive", "enforcing"]


# --- kernel and swap


def test_a_module_counts_when_it_is_loaded_or_built_in_or_leaves_a_sign() -> None:
    runner = FakeRunner(
        files={
            "/proc/filesystems": "nodev\toverlay\n",
            "/proc/sys/net/bridge/bridge-nf-call-iptables": "1",
            "/sys/module/nf_conntrack/refcnt": "1",
            "/proc/sys/kernel/osrelease": "6.1.0\n",
            "/lib/modules/6.1.0/modules.builtin": "kernel/drivers/net/vxlan/vxlan.ko\n",
            "/proc/sys/net/ipv4/ip_forward": "1\n",
        }
    )
    found = kernel.read(runner, ["overlay", "br_netfilter", "nf_conntrack", "vxlan", "ip_vs"])
    assert found == {"kernel_modules": ["overlay", "br_netfilter", "nf_conntrack", "vxlan"], "ip_forward": True}


FSTAB = """\
# /swapfile none swap sw 0 0
UUID=1234 / ext4 errors=remount-ro 0 1
/dev/sdb1 /srv/swap ext4 defaults 0 2
UUID=5678 none swap sw 0 0
/swapfile\tswap\tswap\tdefaults\t0\t0
# swap was on /dev/sda5 during installation
"""


def test_only_entries_of_type_swap_count_not_comments_or_paths_that_name_it() -> None:
    assert swap.swap_entries(FSTAB) == ["UUID=5678 none swap sw 0 0", "/swapfile\tswap\tswap\tdefaults\t0\t0"]


def test_zram_swap_is_seen_in_use_as_a_generator_and_as_a_unit() -> None:
    in_use = FakeRunner(files={"/proc/swaps": "Filename Type Size Used Priority\n/dev/zram0 partition 8388604 0 100\n"})
    assert swap.read(in_use)["zram"] is True
    assert swap.read(in_use)["swap"] == [{"device": "/dev/zram0", "type": "partition", "size_kb": 8388604}]
    set_up = FakeRunner(
        files={
            "/usr/lib/systemd/zram-generator.conf": "[zram0]\nzram-size = ram\n",
            "/run/systemd/generator/dev-zram0.swap": "[Swap]\n",
        }
    )
    assert (swap.read(set_up)["zram"], swap.read(set_up)["swap_units"]) == (True, ["dev-zram0.swap"])
    assert swap.read(FakeRunner())["zram"] is False


# --- network


def link(name: str, *addresses: str, mtu: int = 1500) -> "dict[str, Any]":
    entries = []
    for text in addresses:
        local, prefix = text.split("/")
        entries.append({"family": "inet6" if ":" in local else "inet", "local": local, "prefixlen": int(prefix), "scope": "global"})
    return {"ifname": name, "mtu": mtu, "addr_info": entries}


def test_the_default_address_is_the_one_in_the_gateways_network() -> None:
    addresses = network.parse_addresses([link("eth0", "203.0.113.9/32", "192.0.2.5/24")])
    routes = network.default_routes([{"dst": "default", "gateway": "192.0.2.1", "dev": "eth0"}], 4)
    assert network.default_source(routes, addresses) == ("eth0", "192.0.2.5")


def test_the_route_with_the_lowest_metric_wins_and_its_source_is_taken_at_its_word() -> None:
    table = [
        {"dst": "default", "gateway": "10.0.0.1", "dev": "eth1", "metric": 200},
        {"dst": "default", "gateway": "192.0.2.1", "dev": "eth0", "prefsrc": "192.0.2.7", "metric": 100},
    ]
    addresses = network.parse_addresses([link("eth0", "192.0.2.5/24", "192.0.2.7/24"), link("eth1", "10.0.0.5/24")])
    assert network.default_source(network.default_routes(table, 4), addresses) == ("eth0", "192.0.2.7")


def test_a_gateway_outside_of_every_network_as_on_rented_servers_still_gives_an_address() -> None:
    addresses = network.parse_addresses([link("eno1", "203.0.113.9/32")])
    routes = network.default_routes([{"dst": "default", "gateway": "100.64.0.1", "dev": "eno1", "flags": ["onlink"]}], 4)
    assert network.default_source(routes, addresses) == ("eno1", "203.0.113.9")


def test_a_host_with_ipv6_alone_has_a_default_address_too() -> None:
    addresses = network.parse_addresses([link("eth0", "2001:db8::5/64")])
    routes = network.default_routes([{"dst": "default", "gateway": "fe80::1", "dev": "eth0"}], 6)
    assert network.default_source(routes, addresses) == ("eth0", "2001:db8::5")


def test_routes_are_networks_and_link_local_and_pods_own_links_are_left_out() -> None:
    table = [
        {"dst": "10.1.2.3", "dev": "eth0"},
        {"dst": "10.244.1.7", "dev": "cali1234abcd"},
        {"dst": "default", "nexthops": [{"gateway": "192.0.2.1", "dev": "bond0"}, {"gateway": "192.0.2.2", "dev": "bond1"}]},
        {"type": "blackhole", "dst": "10.244.0.0/26"},
        {"dst": "169.254.0.0/16", "dev": "eth0"},
    ]
    assert [(route["destination"], route["gateway"], route["interface"]) for route in network.parse_routes(table, 4)] == [
        ("10.1.2.3/32", None, "eth0"),
        ("0.0.0.0/0", "192.0.2.1", "bond0"),
        ("10.244.0.0/26", None, None),
    ]


def test_the_routes_of_a_cluster_do_not_grow_with_its_nodes() -> None:
    flannel = [{"dst": "10.244.%d.0/24" % one, "gateway": "10.244.%d.0" % one, "dev": "flannel.1"} for one in range(250)]
    table = [{"dst": "default", "gateway": "192.0.2.1", "dev": "kubebr0"}, {"dst": "10.244.250.0/24", "dev": "cni0"}, *flannel]
    assert [route["destination"] for route in network.parse_routes(table, 4)] == ["0.0.0.0/0"]


def test_listening_ports_are_those_in_state_listen() -> None:
    text = (
        "  sl  local_address rem_address   st\n"
        "   0: 0100007F:192B 00000000:0000 0A 0\n"
        "   1: 0100007F:0016 0200007F:1000 01 0\n"
    )
    assert network.listening_ports(text) == [6443]


def test_a_missing_ip_command_is_a_problem_and_no_host_without_addresses() -> None:
    problems = Problems()
    network.read(FakeRunner(), 5, problems)
    assert any("ip -json address show" in text for text in problems.texts)


# --- storage


def test_a_disk_has_the_mountpoints_of_its_partitions_and_of_what_is_built_on_them() -> None:
    runner = FakeRunner(
        files={
            "/proc/self/mountinfo": handwritten("cgroup2-mountinfo"),
            "/sys/block/nvme0n1/device/model": "SAMSUNG MZQL21T9HCJR-00A07             \n",
            "/sys/block/nvme0n1/size": "3750748848\n",
            "/sys/block/nvme0n1/queue/rotational": "0\n",
            "/sys/block/nvme0n1/nvme0n1p1/dev": "259:1\n",
            "/sys/block/nvme0n1/nvme0n1p2/dev": "259:2\n",
            "/sys/block/nvme0n1/nvme0n1p3/dev": "259:3\n",
            "/sys/class/block/nvme0n1p1/dev": "259:1\n",
            "/sys/class/block/nvme0n1p2/dev": "259:2\n",
            "/sys/class/block/nvme0n1p3/dev": "259:3\n",
            "/sys/class/block/nvme0n1p3/holders/dm-0": "",
            "/sys/class/block/dm-0/dev": "253:0\n",
            "/sys/block/dm-0/dev": "253:0\n",
            "/sys/block/loop0/device": "",
            "/sys/block/zram0/size": "1",
        },
        links={
            "/dev/disk/by-id/nvme-SAMSUNG_MZQL21T9HCJR-00A07_S1": "/dev/nvme0n1",
            "/dev/disk/by-id/nvme-SAMSUNG_MZQL21T9HCJR-00A07_S1-part1": "/dev/nvme0n1p1",
        },
    )
    assert storage.read(runner, 5, Problems())["disks"] == [
        {
            "name": "nvme0n1",
            "size_bytes": 1920383410176,
            "rotational": False,
            "model": "SAMSUNG MZQL21T9HCJR-00A07",
            "by_id": ["/dev/disk/by-id/nvme-SAMSUNG_MZQL21T9HCJR-00A07_S1"],
            "mountpoints": ["/", "/boot/efi", "/srv/my data"],
        }
    ]


def test_file_systems_are_those_that_keep_data_and_names_may_have_blanks() -> None:
    text = (
        "Type     1B-blocks    Avail Mounted on\n"
        "tmpfs    100          100   /run/user/0\n"
        "ext4     1000         400   /\n"
        "xfs      2000         1500  /srv/my data\n"
        "overlay  1000         400   /run/containerd/io.containerd.runtime.v2.task/k8s.io/x/rootfs\n"
        "tmpfs    100          100   /var/lib/kubelet/pods/x/volumes/token\n"
    )
    assert storage.parse_df(text) == [
        {"mount": "/", "fstype": "ext4", "size_bytes": 1000, "free_bytes": 400},
        {"mount": "/srv/my data", "fstype": "xfs", "size_bytes": 2000, "free_bytes": 1500},
    ]


# --- services


def test_ufw_counts_only_where_it_is_switched_on() -> None:
    assert services.firewall({"ufw"}, "ENABLED=no\n") == "none"
    assert services.firewall({"ufw"}, "# x\nENABLED=yes\n") == "ufw"
    assert services.firewall({"firewalld", "nftables"}, "") == "firewalld"
    assert services.firewall({"nftables"}, "") == "nftables"


def test_a_unit_is_known_by_its_aliases_too() -> None:
    text = "Id=chrony.service\nNames=chrony.service chronyd.service\nActiveState=active\n\n"
    text += "Id=kubelet.service\nActiveState=inactive\n"
    assert services.parse_active(text) == {"chrony", "chronyd"}


def test_a_time_service_that_can_not_be_asked_is_unknown_and_not_unsynchronized() -> None:
    argv = ("timedatectl", "show", "--property=NTPSynchronized", "--value")
    slow = FakeRunner(files={"/run/systemd/system/x": ""}, commands={argv: Result(TIMED_OUT, "", "")})
    assert services.read_time_sync(slow, {"chrony"}, 10) == {"synchronized": None, "service": "chrony"}
    answer = FakeRunner(files={"/run/systemd/system/x": ""}, commands={argv: "no\n"})
    assert services.read_time_sync(answer, set(), 10) == {"synchronized": False, "service": None}


# --- runtime


def test_dockers_pools_come_from_every_key_that_gives_subnets() -> None:
    text = json.dumps({"bip": "172.26.0.1/16", "default-address-pools": [{"base": "10.200.0.0/16", "size": 24}, "junk", {}]})
    assert runtime.docker_pools(text) == ["172.26.0.1/16", "10.200.0.0/16"]
    assert runtime.docker_pools("{broken") == []


@pytest.mark.parametrize(
    ("installed", "active", "configured", "name"),
    [
        ([], set(), None, None),
        (["containerd"], set(), None, "containerd"),
        (["containerd", "docker"], {"containerd", "docker"}, None, "containerd"),
        (["containerd", "docker"], {"containerd", "docker", "cri-docker"}, None, "docker"),
        (["docker"], {"docker"}, None, "docker"),
        (["containerd", "crio"], {"crio"}, None, "crio"),
        (["containerd", "crio"], {"crio", "containerd"}, "unix:///var/run/crio/crio.sock", "crio"),
    ],
)
def test_the_runtime_is_the_kubelets_own_else_the_one_that_runs(
    installed: List[str], active: "set[str]", configured: Optional[str], name: Optional[str]
) -> None:
    assert runtime.choose(installed, active, configured) == name


def test_the_kubelets_socket_is_found_in_its_file_of_every_version() -> None:
    flags = 'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/containerd/containerd.sock --node-ip=1.2.3.4"'
    assert runtime.kubelet_socket(["", flags]) == "unix:///run/containerd/containerd.sock"
    assert runtime.kubelet_socket(["containerRuntimeEndpoint: unix:///var/run/crio/crio.sock\n"]) == "unix:///var/run/crio/crio.sock"
    assert runtime.kubelet_socket(["--container-runtime-endpoint=/run/x.sock"]) == "unix:///run/x.sock"
    assert runtime.kubelet_socket(['containerRuntimeEndpoint: ""\n']) is None


# --- packages


@pytest.mark.parametrize(
    ("version", "plain"),
    [
        ("1.28.7-1.1", "1.28.7"),
        ("1:2.6.12-1+deb12u1", "2.6.12"),
        ("1.6.20~ds1-1+deb12u3", "1.6.20"),
        ("1.37.0~rc.0-1.1", "1.37.0-rc.0"),
        ("20230311", "20230311"),
        ("30+20221128-1", "30+20221128-1"),
    ],
)
def test_a_packages_version_is_given_as_upstream_counts(version: str, plain: str) -> None:
    assert packages.upstream(version) == plain


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("v1.20.2\n", "1.20.2"),
        ("Kubernetes v1.36.3\n", "1.36.3"),
        ("containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u3\n", "1.6.20"),
        ("containerd github.com/containerd/containerd/v2 v2.1.3 c787fb98911740dd3ff2d0e45ce88cdf01410486\n", "2.1.3"),
        ("runc version 1.1.5+ds1\ncommit: 1.1.5\ngo: go1.19.8\n", "1.1.5"),
        ("Keepalived v2.2.7 (01/16,2022)\n", "2.2.7"),
        ("HAProxy version 2.6.12-1+deb12u3 2025/10/03 - https://haproxy.org/\n", "2.6.12"),
        ("etcdctl version: 3.4.23\nAPI version: 3.4\n", "3.4.23"),
        ("v1.37.0-rc.0\n", "1.37.0-rc.0"),
        ("Segmentation fault\n", None),
    ],
)
def test_a_programs_own_words_give_its_version(output: str, version: Optional[str]) -> None:
    assert packages.program_version(output) == version


def test_dpkg_lists_removed_packages_too_and_they_do_not_count() -> None:
    text = (
        "Package: runc\nStatus: deinstall ok config-files\nVersion: 1.0.0-1\n\n"
        "Package: kubelet\nStatus: hold ok installed\nVersion: 1.28.7-1.1\n\n"
        "Package: kubelet-tools\nStatus: install ok installed\nVersion: 9.9\n\n"
    )
    assert packages.parse_dpkg_status(text, ["runc", "kubelet", "haproxy"]) == {"kubelet": "1.28.7"}


def test_a_program_is_asked_for_its_version_once_until_it_changes(tmp_path: pathlib.Path) -> None:
    notes = str(tmp_path / "run" / "versions.json")
    program = tmp_path / "kubelet"

    class Host(HostRunner):
        asked = 0

        def which(self, name: str) -> Optional[str]:
            return str(program) if name == "kubelet" else None

        def run(self, argv: Any, *arguments: Any, **options: Any) -> Result:
            self.asked += 1
            return super().run(argv, *arguments, **options)

    def version(host: Host) -> Optional[str]:
        with ThreadPoolExecutor() as executor:
            return packages.read(host, executor, 5, Problems(), notes)["kubelet"]

    def install(text: str) -> None:
        program.write_text("#!/bin/sh\necho Kubernetes v%s\n" % text)
        program.chmod(0o755)

    host = Host()
    install("1.36.3")
    assert [version(host), version(host), host.asked] == ["1.36.3", "1.36.3", 1]
    install("1.36.10")
    assert [version(host), host.asked] == ["1.36.10", 2]
    for damaged in ("", "[]", '{"%s": 1}' % program, "not JSON"):
        pathlib.Path(notes).write_text(damaged)
        assert version(host) == "1.36.10"
    assert host.asked == 6


def test_rpms_sentences_about_missing_packages_are_no_versions() -> None:
    found = packages.parse_rpm(handwritten("rhel9-rpm"), packages.WATCHED)
    assert found["kubeadm"] == "1.31.4"
    assert found["containerd.io"] == "1.7.24"
    assert "kubectl" not in found


# --- kubernetes

BLANK = Traces([], [], [], None)
MANIFESTS = ["etcd.yaml", "kube-apiserver.yaml", "kube-controller-manager.yaml", "kube-scheduler.yaml"]
CONFIGS = ["admin.conf", "controller-manager.conf", "kubelet.conf", "scheduler.conf"]
MARKER = {"operation": "init", "role": "control_plane", "cluster": "kubernetes", "at": "2026-11-21T10:00:00Z"}


@pytest.mark.parametrize(
    ("traces", "state"),
    [
        (BLANK, "blank"),
        (BLANK._replace(started=MARKER), "started"),
        (Traces(CONFIGS, MANIFESTS, ["member"], MARKER), "started"),
        (Traces(CONFIGS, MANIFESTS, ["member"], None), "control_plane"),
        (Traces(CONFIGS, MANIFESTS[1:], [], None), "control_plane"),
        (Traces(["kubelet.conf"], [], [], None), "worker"),
        (Traces(["kubelet.conf"], ["haproxy.yaml"], [], None), "worker"),
        (Traces(["bootstrap-kubelet.conf"], [], [], None), "foreign"),
        (Traces([], MANIFESTS, [], None), "foreign"),
        (Traces([], ["kube-vip.yaml"], [], None), "foreign"),
        (Traces([], [], ["member"], None), "foreign"),
        (Traces(["admin.conf"], [], [], None), "foreign"),
        (Traces(["kubelet.conf"], ["etcd.yaml"], ["member"], None), "foreign"),
        (Traces(["scheduler.conf"], ["kube-apiserver.yaml"], [], None), "foreign"),
    ],
)
def test_the_state_is_told_by_what_an_installation_leaves_behind(traces: Traces, state: str) -> None:
    assert decide(traces).name == state


def test_a_foreign_host_says_which_files_make_it_so() -> None:
    why = decide(Traces(["admin.conf"], ["etcd.yaml"], ["member"], None)).why
    assert "/etc/kubernetes/admin.conf" in why
    assert "/etc/kubernetes/manifests/etcd.yaml" in why
    assert "/var/lib/etcd/member" in why


def test_an_init_that_was_cut_off_before_any_static_pod_is_no_worker() -> None:
    assert decide(Traces(CONFIGS, [], [], None)).name == "foreign"
    # Administrators do copy this one to workers.
    assert decide(Traces(["admin.conf", "kubelet.conf"], [], [], None)).name == "worker"


def test_an_empty_file_system_for_etcd_and_an_installed_package_leave_a_host_blank() -> None:
    paths = ("/var/lib/etcd/lost+found/x", "/etc/kubernetes/manifests/.keep", "/etc/kubernetes/pki/ca.crt")
    runner = FakeRunner(files=dict.fromkeys(paths, ""))
    assert decide(kubernetes.read_traces(runner)) == State("blank", "no kubeconfig, no static pod and no etcd data")


def test_a_damaged_marker_is_still_a_marker() -> None:
    assert kubernetes.parse_marker(None) is None
    assert kubernetes.parse_marker(json.dumps(dict(MARKER, token="abc"))) == MARKER
    assert kubernetes.parse_marker("{half") == {"operation": None, "role": None, "cluster": None, "at": None}
    runner = FakeRunner(files={kubernetes.MARKER: "{half"})
    assert decide(kubernetes.read_traces(runner)).name == "started"


def test_a_kubeadm_that_outlived_its_run_is_seen_while_its_operation_is_unfinished() -> None:
    processes = {"/proc/77/comm": "kubeadm\n", "/proc/78/comm": "kubelet\n"}
    runner = FakeRunner(files={kubernetes.MARKER: '{"operation": "join"}', **processes})
    assert kubernetes.read(runner, None)["kubeadm"]["running"] is True
    del runner.files["/proc/77/comm"]
    assert kubernetes.read(runner, None)["kubeadm"]["running"] is False


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("clusters:\n- cluster:\n    server: https://10.89.79.100:8443\n  name: kubernetes\n", "10.89.79.100:8443"),
        ('    server: "https://api.example.net"\n', "api.example.net:443"),
        ("    server: https://[2001:db8::1]:6443\n", "[2001:db8::1]:6443"),
        ("    server: https://[2001:db8::1]\n", "[2001:db8::1]:443"),
        ('{"clusters": [{"cluster": {\n"server": "https://10.0.0.1:6443",', "10.0.0.1:6443"),
        ("# server: https://10.0.0.1:6443\n", None),
        ("", None),
    ],
)
def test_the_endpoint_is_the_kubeconfigs_server_with_its_port(text: str, endpoint: Optional[str]) -> None:
    assert kubernetes.parse_endpoint(text) == endpoint


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("current-context: system:kube-controller-manager@prod\nkind: Config\n", "prod"),
        ('current-context: "kubernetes-admin@my.cluster"\n', "my.cluster"),
        ("current-context: mine\n", None),
        ("#current-context: a@b\n", None),
        ("", None),
    ],
)
def test_the_clusters_name_is_that_of_the_context_as_kubeadm_writes_it(text: str, name: Optional[str]) -> None:
    assert kubernetes.parse_cluster_name(text) == name


def test_other_distributions_are_told_by_programs_and_by_folders_that_hold_something() -> None:
    assert others.read(FakeRunner(files={"/etc/rancher/node/password": ""})) == {}
    held = {"/etc/rancher/k3s/config.yaml": "", "/usr/local/bin/k0s": ""}
    assert others.read(FakeRunner(files=held)) == {"k3s": ["/etc/rancher/k3s"], "k0s": ["/usr/local/bin/k0s"]}


def test_a_control_plane_whose_kubelet_talks_to_itself_is_known_by_its_clusters_endpoint() -> None:
    runner = FakeRunner(
        files={
            "/etc/kubernetes/admin.conf": "    server: https://10.0.0.100:6443\n",
            "/etc/kubernetes/kubelet.conf": "    server: https://10.0.0.11:6443\n",
        }
    )
    assert kubernetes.read(runner, None)["endpoint"] == "10.0.0.100:6443"


def test_static_pods_are_read_from_yaml_and_json_and_other_files_are_none() -> None:
    yaml = "kind: Pod\nmetadata:\n  annotations:\n    name: x\n  name: kube-vip\nspec:\n  containers:\n  - image: a/b:v1\n"
    assert kubernetes.parse_static_pod(yaml) == {"name": "kube-vip", "image": "a/b:v1"}
    pod = {"metadata": {"name": "web"}, "spec": {"containers": [{"image": "c/d:v2"}]}}
    assert kubernetes.parse_static_pod(json.dumps(pod)) == {"name": "web", "image": "c/d:v2"}
    assert kubernetes.parse_static_pod("just words\n") is None
    assert kubernetes.parse_static_pod("[]") is None


# --- health


@pytest.mark.parametrize(
    ("bind", "address"),
    [("", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("10.0.0.5", "10.0.0.5"), ("x", "127.0.0.1")],
)
def test_the_api_server_is_asked_where_it_listens(bind: str, address: str) -> None:
    assert health.local_address(bind) == address


def test_etcd_is_asked_on_a_loopback_address_where_it_listens_there() -> None:
    assert health.client_url({"listen-client-urls": "https://10.0.0.5:2379,https://127.0.0.1:2379"}) == "https://127.0.0.1:2379"
    assert health.client_url({"listen-client-urls": "https://10.0.0.5:2379"}) == "https://10.0.0.5:2379"
    assert health.client_url({"listen-client-urls": "https://0.0.0.0:2379"}) == "https://127.0.0.1:2379"
    assert health.client_url({}) == "https://127.0.0.1:2379"


def test_leftover_etcd_data_without_a_static_pod_is_told_and_nothing_is_asked() -> None:
    found = health.read_etcd(FakeRunner(files={"/var/lib/etcd/member/snap/db": "x"}), connect=lambda *_args: pytest.fail("asked"))
    assert found is not None
    assert (found["data_present"], found["reachable"], found["message"]) == (True, False, "no static pod")


def test_an_api_server_that_does_not_answer_is_not_ready_and_says_why() -> None:
    answer = readyz.ask_readyz("127.0.0.1", 1, FakeRunner())
    assert answer.ready is False
    assert "does not answer" in answer.message


# --- certificates


def test_a_malformed_certificate_is_a_problem_and_the_others_are_still_read() -> None:
    problems = Problems()
    files = {"/etc/kubernetes/pki/ca.crt": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}
    found = certificates.read(FakeRunner(files=files), 0.0, problems)
    assert (found["certificates"], found["cluster_id"]) == ([], None)
    assert "/etc/kubernetes/pki/ca.crt" in problems.texts[0]


# --- everything on garbage

PARSERS: List[Callable[[str], Any]] = [
    system.parse_os_release,
    system.count_cpus,
    system.parse_memory,
    system.cgroup_version,
    swap.parse_swaps,
    swap.swap_entries,
    network.listening_ports,
    storage.parse_mountinfo,
    storage.parse_df,
    services.parse_active,
    runtime.docker_pools,
    lambda text: runtime.kubelet_socket([text]),
    lambda text: packages.parse_dpkg_status(text, packages.WATCHED),
    lambda text: packages.parse_rpm(text, packages.WATCHED),
    packages.upstream,
    packages.program_version,
    kubernetes.parse_marker,
    kubernetes.parse_endpoint,
    kubernetes.parse_cluster_name,
    kubernetes.parse_static_pod,
    kubernetes.parse_flags,
    health.local_address,
]
IP_KEYS = ["dst", "dev", "gateway", "prefsrc", "metric", "nexthops", "ifname", "mtu", "addr_info", "local", "prefixlen"]
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(IP_KEYS), inner),
    max_leaves=10,
)
SAMPLES = [handwritten(path.name) for path in sorted(HANDWRITTEN.iterdir())] + [FSTAB]
DAMAGED = st.builds(
    lambda sample, place, text: sample[:place] + text + sample[place:],
    st.sampled_from(SAMPLES),
    st.integers(0, 400),
    st.text(max_size=5),
)


@settings(max_examples=200, deadline=None)
@given(st.text() | DAMAGED)
def test_no_parser_breaks_on_text_that_it_does_not_expect(text: str) -> None:
    for parser in PARSERS:
        parser(text)


@settings(max_examples=200, deadline=None)
@given(JSON_VALUES)
def test_no_answer_of_ip_breaks_the_network_facts(value: Any) -> None:
    entries = network.parse_json_list(json.dumps([value, value]))
    addresses = network.parse_addresses(entries)
    network.parse_mtus(entries)
    for version in (4, 6):
        network.default_source(network.default_routes(entries, version), addresses)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from([
    "/etc/os-release", "/proc/self/mountinfo", "/proc/swaps", "/etc/fstab", "/proc/net/tcp", "/etc/docker/daemon.json",
    "/var/lib/dpkg/status", "/etc/kubernetes/admin.conf", "/etc/kubernetes/kubelet.conf", "/etc/kubernetes/manifests/etcd.yaml",
    "/etc/kubernetes/manifests/kube-apiserver.yaml", "/etc/kubernetes/pki/ca.crt", "/etc/kubernetes/baremetal-operation.json",
    "/sys/block/sda/device/model", "/sys/block/sda/size", "/sys/block/sda/dev",
]), st.binary(max_size=200)))
def test_a_host_full_of_garbage_still_gives_facts(files: "dict[str, bytes]") -> None:
    facts = collect.collect(FakeRunner(files=files), ask=lambda *_args: health.Answer(False, ""))
    assert facts["kubeadm"]["state"] in ("blank", "started", "control_plane", "worker", "foreign")
    json.dumps(facts)
