from __future__ import annotations

import json
from typing import Any, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.diagnose.collect import collect
from ansible_collections.baremetal.kubernetes.plugins.module_utils.diagnose.page import Host, findings, page
from fakes import FakeRunner


def facts(**more: Any) -> Dict[str, Any]:
    return dict(
        {
            "kubeadm": {"state": "control_plane"},
            "kubelet": {"active": True},
            "apiserver": {"ready": True},
            "etcd": {"healthy": True, "members": []},
            "static_pods": [{"name": name} for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")],
            "certificates": [{"path": "/etc/kubernetes/admin.conf", "days_left": 300, "not_after": "2027-09-01T00:00:00Z"}],
            "filesystems": [{"mount": "/", "size_bytes": 100, "free_bytes": 50}],
            "addresses": [{"interface": "eth0", "address": "10.0.0.11"}],
        },
        **more,
    )


def host(name: str = "cp1", texts: "Dict[str, str] | None" = None, **more: Any) -> Host:
    return Host(name, ["control_plane"], facts(**more), texts or {})


def said(*hosts: Host, vip: str = "") -> str:
    return "\n".join(one.line() for one in findings(hosts, vip))


def test_a_healthy_cluster_has_no_findings_and_a_line_for_each_host() -> None:
    assert said(host("cp1"), host("cp2")) == ""
    text = page([host("cp1"), host("cp2")], "prod", "now")
    assert "2 of 2 hosts answered" in text and "Nothing that this page knows to look for." in text
    assert "| cp2 | control_plane |" in text


def test_hosts_that_do_not_answer_come_first_and_are_named_on_the_page() -> None:
    silent = Host("worker9", ["workers"], {}, {}, "No route to host")
    text = page([host(), silent], "prod", "now")
    assert "1 of 2 hosts answered. NOT: worker9." in text
    assert said(host(kubelet={"active": False}), silent).startswith("- **worker9**: does not answer: No route to host")


def test_each_thing_that_is_wrong_is_named_with_the_file_that_shows_it() -> None:
    bad = host(
        kubelet={"active": False},
        apiserver={"ready": False, "message": "etcd failed"},
        etcd={"healthy": False, "message": "no leader", "members": [{"started": False, "peer_urls": ["https://10.0.0.9:2380"]}]},
        certificates=[{"path": "/etc/kubernetes/pki/apiserver.crt", "days_left": -1, "not_after": "2026-11-20T00:00:00Z"}],
        filesystems=[{"mount": "/var", "size_bytes": 1000, "free_bytes": 20}],
        time_sync={"synchronized": False},
        texts={
            "failed-units.txt": "kubelet.service loaded failed failed kubelet\n",
            "kernel.txt": "Out of memory: Killed process 1",
        },
    )
    text = said(bad)
    for words in (
        "the kubelet does not run (cp1/journal-kubelet.log)",
        "its API server is not ready: etcd failed",
        "its member of etcd is not healthy: no leader (cp1/etcd.txt)",
        "members that never started",
        "apiserver.crt has EXPIRED",
        "/var is 98 % full",
        "unit kubelet.service has failed",
        "killed processes for want of memory",
        "clock is not synchronised",
    ):
        assert words in text, words


def test_what_the_api_says_is_said_once() -> None:
    texts = {
        "api-nodes.txt": "NAME STATUS ROLES\ncp1 Ready cp\nworker1 NotReady <none>\nworker2 Ready,SchedulingDisabled <none>\n",
        "api-pods.txt": "NS NAME READY STATUS\nkube-system coredns-1 0/1 CrashLoopBackOff 9\nx y 1/2 Running 0\nx z 1/1 Running\n",
    }
    text = said(host("cp1", texts), host("cp2", texts))
    assert text.count("node worker1 is NotReady") == 1
    assert "worker2 takes no pods" in text and "coredns-1 is CrashLoopBackOff" in text and "x/y: 1/2 containers" in text
    assert "x/z" not in text


def test_the_virtual_address_is_held_by_exactly_one() -> None:
    holder = {"addresses": [{"interface": "eth0", "address": "10.0.0.100"}]}
    loopback = {"addresses": [{"interface": "lo", "address": "10.0.0.100"}]}
    assert "no host that answers holds" in said(host("cp1"), vip="10.0.0.100")
    assert "is held by cp1, cp2 at once" in said(host("cp1", **holder), host("cp2", **holder), vip="10.0.0.100")
    assert said(host("cp1", **holder), host("cp2", **loopback), vip="10.0.0.100") == ""


def test_a_bare_host_is_read_without_its_programs_and_no_secret_leaves_it() -> None:
    runner = FakeRunner(
        files={
            "/etc/keepalived/keepalived.conf": "vrrp_instance x {\n  auth_pass s3cretpw\n}\n",
            "/var/log/pods/kube-system_etcd-cp1_1/etcd/3.log": "a\nb\n",
            "/var/log/pods/kube-system_etcd-cp1_1/etcd/2.log": "died\n",
            "/var/log/pods/kube-system_etcd-cp1_1/etcd/10.log": "newest\n",
        },
        commands={("df", "-hT"): "full\n"},
    )
    texts = collect(runner, {}, "1 hour ago", 10)
    assert texts["disks.txt"] == "full\n" and "uptime.txt" not in texts
    assert "s3cretpw" not in texts["files/etc/keepalived/keepalived.conf"]
    assert {name for name in texts if name.startswith("pods/")} == {"pods/etcd-cp1/etcd-10.log", "pods/etcd-cp1/etcd-3.log"}


def test_facts_stay_json_though_a_name_in_them_sounds_like_a_secret() -> None:
    given = {"kubeadm": {"join_token": False, "why": "auth_pass s3cretpw"}, "ports": [6443]}
    text = collect(FakeRunner(), given, "1 hour ago", 10)["facts.json"]
    assert json.loads(text) == {"kubeadm": {"join_token": False, "why": "auth_pass (left out)"}, "ports": [6443]}
