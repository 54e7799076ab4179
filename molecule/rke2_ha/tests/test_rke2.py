# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of RKE2, played by molecule/rke2_ha/played/rke2.py: its files, its endpoint, its snapshots, its upgrade.

The tests go on from each other's state, in the order in which they stand.
"""

from __future__ import annotations

import base64
import json
import os
import pathlib
import re
import stat
import subprocess
import tempfile
import time
from typing import Any, Callable, List

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[3]
KUBECONFIG = ROOT / "inventories" / "lab" / "rke2_ha" / "kubeconfig-rke2.cfg"
CONFIG = "/etc/rancher/rke2/config.yaml"
CURL = "curl --silent --show-error --max-time 3 --cacert /var/lib/rancher/rke2/server/tls/server-ca.crt"
ADMIN = " --cert /var/lib/rancher/rke2/server/tls/client-admin.crt --key /var/lib/rancher/rke2/server/tls/client-admin.key"
SERVERS = ["cp1", "cp2", "cp3"]


def on(cluster: Any, name: str, command: str) -> str:
    done = cluster.host(name).run(command)
    assert done.rc == 0, command + "\n" + done.stdout + done.stderr
    return str(done.stdout)


def wait(good: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < deadline, "not within %.0f s: %s" % (seconds, what)
        time.sleep(1)


def nodes(cluster: Any) -> List[List[str]]:
    kubectl = "/var/lib/rancher/rke2/bin/kubectl --kubeconfig=/etc/rancher/rke2/rke2.yaml get nodes --no-headers"
    return [line.split() for line in on(cluster, "cp2", kubectl).splitlines()]


def put(cluster: Any, name: str, value: str) -> None:
    on(cluster, "cp1", CURL + ADMIN + " --request PUT --data %s https://127.0.0.1:6443/played/objects/%s" % (value, name))


def get(cluster: Any, server: str, name: str) -> str:
    return on(cluster, server, CURL + ADMIN + " https://127.0.0.1:6443/played/objects/" + name)


def backends(cluster: Any, balancer: str) -> "dict[str, str]":
    """Backend and server -> state, as HAProxy has it."""
    said = on(
        cluster,
        balancer,
        "echo 'show stat' | python3 -c \"import socket,sys;s=socket.socket(socket.AF_UNIX);"
        "s.connect('/var/lib/haproxy/admin.sock');s.sendall(sys.stdin.read().encode());print(s.makefile().read())\"",
    )
    rows = [line.split(",") for line in said.splitlines() if line and not line.startswith("#")]
    return {"%s/%s" % (row[0], row[1]): row[17] for row in rows}


def holder(cluster: Any) -> str:
    vip = cluster.setting("cluster_vip")
    having = [name for name in ("lb1", "lb2") if vip + "/" in on(cluster, name, "ip -o -4 address show")]
    return having[0] if len(having) == 1 else ""


def test_every_node_is_ready_in_the_version_and_runs_as_what_it_is_to_be(cluster: Any) -> None:
    found = {words[0]: words for words in nodes(cluster)}
    assert sorted(found) == SERVERS + ["worker1"]
    assert {words[1] for words in found.values()} == {"Ready"} and {words[4] for words in found.values()} == {"v1.36.3+rke2r1"}
    assert "etcd" in found["cp3"][2] and found["worker1"][2] == "<none>"
    for name in SERVERS:
        assert cluster.host(name).service("rke2-server").is_enabled and not cluster.host(name).service("rke2-agent").is_running
    assert cluster.host("worker1").service("rke2-agent").is_enabled


def test_only_the_first_server_has_no_server_key_and_all_have_one_certificates_names(cluster: Any) -> None:
    configs = {name: yaml.safe_load(on(cluster, name, "cat " + CONFIG)) for name in SERVERS + ["worker1"]}
    joining = "https://10.89.89.100:9345"
    assert [configs[name].get("server") for name in SERVERS + ["worker1"]] == [None, joining, joining, joining]
    assert configs["cp1"]["tls-san"] == configs["cp2"]["tls-san"] == configs["cp3"]["tls-san"]
    assert {"10.89.89.100", "cp1", "cp3", "10.89.89.13", "10.89.89.31"} <= set(configs["cp1"]["tls-san"])
    assert len({config["node-name"] for config in configs.values()}) == 4


def test_secrets_are_in_files_of_root_alone_and_nowhere_else(cluster: Any) -> None:
    tokens = {name: on(cluster, name, "cat /etc/rancher/rke2/token").strip() for name in SERVERS + ["worker1"]}
    assert len({tokens[name] for name in SERVERS}) == 1 and len(tokens["cp1"]) == 64
    # An agent joins by its own token, and never learns the servers'.
    assert tokens["worker1"] == cluster.setting("rke2_agent_token")
    for name in SERVERS + ["worker1"]:
        host = cluster.host(name)
        for path in ("token", "config.yaml", "registries.yaml"):
            assert host.file("/etc/rancher/rke2/" + path).mode == 0o600
        assert host.run("grep -lF -f /etc/rancher/rke2/token /proc/[0-9]*/cmdline 2>/dev/null").stdout == ""
        for secret in {tokens["cp1"], tokens["worker1"], "a-password-of-the-lab"}:
            assert secret not in host.file(CONFIG).content_string
            assert secret not in host.run("journalctl --no-pager --output=cat").stdout


def test_the_api_lets_in_who_asks_for_its_health_and_nobody_else(cluster: Any) -> None:
    for name in SERVERS:
        asked = CURL + " --output /dev/null --write-out '%{http_code}' https://127.0.0.1:6443"
        assert on(cluster, name, asked + "/readyz") == "200"
        assert on(cluster, name, asked + "/api/v1/nodes") == "401"


def test_the_kubeconfig_leads_to_the_virtual_address_and_is_the_administrators_alone(cluster: Any) -> None:
    assert stat.S_IMODE(os.stat(KUBECONFIG).st_mode) == 0o600
    config = yaml.safe_load(KUBECONFIG.read_text())
    assert config["clusters"][0]["cluster"]["server"] == "https://10.89.89.100:6443"
    assert config["current-context"] == "rke2" and config["contexts"][0]["context"]["cluster"] == "rke2"
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        user = config["users"][0]["user"]
        for name, data in (
            ("ca", config["clusters"][0]["cluster"]["certificate-authority-data"]),
            ("cert", user["client-certificate-data"]),
            ("key", user["client-key-data"]),
        ):
            files[name] = os.path.join(folder, name)
            with open(os.open(files[name], os.O_WRONLY | os.O_CREAT, 0o600), "wb") as stream:
                stream.write(base64.b64decode(data))
        argv = [
            "curl",
            "--silent",
            "--show-error",
            "--noproxy",
            "*",
            "--cacert",
            files["ca"],
            "--cert",
            files["cert"],
            "--key",
            files["key"],
        ]
        asked = subprocess.run(argv + ["https://10.89.89.100:6443/api/v1/nodes"], capture_output=True, text=True)
    assert len(json.loads(asked.stdout)["items"]) == 4, asked.stderr


def test_a_check_of_the_living_cluster_finds_nothing_to_change(cluster: Any) -> None:
    assert cluster.playbook("rke2_ha", "--check", "--diff")["changed"] == 0


def test_a_key_that_rke2_has_not_is_refused_before_a_host_is_touched(cluster: Any) -> None:
    said = cluster.refusal("rke2_ha", "-e", '{"rke2_server_config": {"etcd-snapshot-retension": 3, "flannel-backend": "vxlan"}}')
    assert "did you mean etcd-snapshot-retention" in said and "key flannel-backend" in said and "no host was changed" in said


def test_load_balancers_take_out_a_server_that_dies_and_take_it_back(cluster: Any) -> None:
    states = backends(cluster, "lb1")
    assert [states["kube-apiservers/" + name] for name in SERVERS] == ["UP"] * 3
    assert [states["port-9345/" + name] for name in SERVERS] == ["UP"] * 3
    assert cluster.playbook("verify")["changed"] == 0
    on(cluster, "cp2", "systemctl stop rke2-server")
    wait(lambda: backends(cluster, "lb1")["kube-apiservers/cp2"].startswith("DOWN"), 20, "cp2 out of the API servers")
    wait(lambda: backends(cluster, "lb1")["port-9345/cp2"].startswith("DOWN"), 20, "cp2 out of the supervisors")
    assert on(cluster, "worker1", "curl -sk --max-time 5 https://10.89.89.100:9345/ping") == "pong"
    on(cluster, "cp2", "systemctl start rke2-server")
    wait(lambda: backends(cluster, "lb1")["kube-apiservers/cp2"].startswith("UP"), 30, "cp2 back")


def test_the_address_leaves_a_load_balancer_that_passes_nothing_on(cluster: Any) -> None:
    wait(lambda: holder(cluster) != "", 15, "one holder of the address")
    first = holder(cluster)
    on(cluster, first, "systemctl stop haproxy")
    wait(lambda: holder(cluster) not in ("", first), 20, "the address on the other one")
    assert on(cluster, "worker1", "curl -sk --max-time 5 https://10.89.89.100:9345/ping") == "pong"
    on(cluster, first, "systemctl start haproxy")


@pytest.mark.parametrize("at, others", [("cp2", ["cp1", "cp3"]), ("cp1", ["cp2", "cp3"])])
def test_a_snapshot_brings_back_what_was_and_the_other_servers_join_it(cluster: Any, at: str, others: List[str]) -> None:
    put(cluster, "marker", "before")
    on(cluster, at, "rke2 etcd-snapshot save --name drill")
    put(cluster, "marker", "after")
    # The token is in no argument: RKE2 takes it from its file.
    cluster.playbook("restore", "-e", "restore_confirm=rke2", "-e", "rke2_restore_host=" + at)
    for name in SERVERS:
        wait(lambda name=name: get(cluster, name, "marker") == "before", 15, "the marker of before on " + name)
    assert sorted(words[0] for words in nodes(cluster) if words[1] == "Ready") == SERVERS + ["worker1"]
    configs = {name: yaml.safe_load(on(cluster, name, "cat " + CONFIG)) for name in SERVERS}
    assert "server" not in configs[at] and all("server" in configs[name] for name in others)
    assert on(cluster, others[0], "ls -d /var/lib/rancher/rke2/server/db-before-restore-*").strip()
    assert cluster.playbook("rke2_ha")["changed"] == 0


def test_nodes_leave_and_a_blank_machine_takes_the_name(cluster: Any) -> None:
    leaving = ["-e", '{"rke2_leaving": ["cp3", "worker1"]}']
    assert "rke2_remove_confirm" in cluster.refusal("rke2_remove", *leaving)
    two = cluster.refusal("rke2_remove", "-e", "rke2_remove_confirm=rke2", "-e", '{"rke2_leaving": ["cp1", "cp2"]}')
    assert "1 servers would stay that are ready" in two
    cluster.playbook("rke2_remove", "-e", "rke2_remove_confirm=rke2", *leaving)
    assert sorted(words[0] for words in nodes(cluster)) == ["cp1", "cp2"] and not cluster.host("cp3").file("/etc/rancher").exists
    assert cluster.playbook("rke2_ha")["changed"] > 0
    assert sorted(words[0] for words in nodes(cluster) if words[1] == "Ready") == SERVERS + ["worker1"]
    assert get(cluster, "cp3", "marker") == "before"


def test_a_backup_at_once_takes_a_snapshot(cluster: Any) -> None:
    said = cluster.run("backup", "-e", "backup_now=true").stdout
    found = re.search(r"(/var/lib/rancher/rke2/server/db/snapshots/on-demand-(cp[123])-\d+), (\d+) bytes", said)
    assert found, said[-3000:]
    assert cluster.host(found.group(2)).file(found.group(1)).size == int(found.group(3)) > 0


def test_another_version_is_refused_as_a_build_and_done_as_an_upgrade_one_server_at_a_time(cluster: Any) -> None:
    newer = ["-e", "cluster_kubernetes_version=1.36.4", "-e", "rke2_artifacts=/opt/rke2-artifacts-next"]
    assert "rke2_upgrade" in cluster.refusal("rke2_ha", *newer)
    # Files of another release than the settings say.
    assert "its program says" in cluster.refusal("rke2_upgrade", *newer[:2])
    cluster.playbook("rke2_upgrade", *newer)
    assert {words[4] for words in nodes(cluster)} == {"v1.36.4+rke2r1"}
    started = "systemctl show --property=ActiveEnterTimestampMonotonic --value "
    begun = "systemctl show --property=ActiveExitTimestampMonotonic --value "
    times = [
        (int(on(cluster, name, begun + unit)), int(on(cluster, name, started + unit)))
        for name, unit in [(name, "rke2-server") for name in SERVERS] + [("worker1", "rke2-agent")]
    ]
    # All nodes share the machine's clock: each went down after the one before it was up.
    assert all(up < down for (_down, up), (down, _up) in zip(times, times[1:])), times
    assert cluster.playbook("rke2_upgrade", *newer)["changed"] == 0
