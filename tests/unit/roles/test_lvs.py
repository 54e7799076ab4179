"""The texts of role lvs, and what keepalived itself says of them."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
from typing import Any

import pytest
from roles_render import ROOT, expression, role_variables, template
from yaml_files import read_yaml

REAL_SERVERS = [{"name": "lb1", "address": "10.89.82.31", "weight": None}, {"name": "lb2", "address": "10.89.82.32", "weight": 50}]
PLAN: "dict[str, Any]" = {
    "cluster_vip": "10.89.82.100",
    "lvs_real_servers": REAL_SERVERS,
    "lvs_interface": "eth0",
    "lvs_priority": 150,
    "lvs_priorities": [150, 149],
    "lvs_source": "10.89.82.41",
    "lvs_peers": ["10.89.82.42"],
    "lvs_ca_certificate": "-----BEGIN CERTIFICATE-----",
}


def servers(**given: Any) -> str:
    return template("lvs", "virtual-servers.conf.j2", **{**role_variables("lvs"), **PLAN, **given})


def whole(**given: Any) -> str:
    """keepalived.conf of a director, as role keepalived writes it with what role lvs passes to it."""
    merged = {**PLAN, **given}
    computed, own = role_variables("keepalived"), role_variables("lvs")
    passed = {
        "keepalived_virtual_addresses": expression("lvs", "{{ _lvs_finished.virtual_addresses }}", **own, **merged),
        "keepalived_priority": 150,
        "keepalived_priorities": [150, 149],
        "keepalived_source": merged["lvs_source"],
        "keepalived_peers": merged["lvs_peers"],
        "keepalived_interface": merged["lvs_interface"],
        "keepalived_advert_interval": "0.5",
        "keepalived_check_file": "/run/kubernetes-lvs-fitness",
        "keepalived_extra_configuration": servers(**given),
    }
    finished = expression("keepalived", computed["_keepalived_finished"], **passed)
    return template("keepalived", "keepalived.conf.j2", finished=finished, _keepalived_interface=merged["lvs_interface"], **passed)


def test_the_real_servers_get_packages_directly_and_are_asked_for_readyz() -> None:
    text = servers()
    assert "virtual_server 10.89.82.100 8443 {" in text
    assert "    lvs_method DR\n" in text and "    lvs_sched wlc\n" in text
    assert 'misc_path "/etc/keepalived/check-apiserver.sh 10.89.82.31 8443"' in text
    assert re.findall(r"weight (\d+)", text) == ["100", "50"]
    assert "lvs_sync_daemon" not in text, "it hangs keepalived 2.2.7"
    assert "lvs_timeouts tcp 14400" in text


def test_a_second_port_has_a_check_of_its_own() -> None:
    text = servers(lvs_services=[{"port": 6443, "check": "readyz"}, {"port": 9345, "check": "tcp"}])
    first, second = text.split("virtual_server 10.89.82.100 9345 {")
    assert "MISC_CHECK" in first and "MISC_CHECK" not in second
    assert "TCP_CHECK" in second and "real_server 10.89.82.31 9345 {" in second


@pytest.mark.parametrize(("check", "patience"), [("readyz", "misc_timeout 7"), ("ssl", "connect_timeout 5")])
def test_silence_is_noticed_soon_and_an_answer_may_take_as_long_as_etcd_takes_to_elect(check: str, patience: str) -> None:
    text = servers(lvs_services=[{"port": 8443, "check": check}])
    knocks = re.findall(r"TCP_CHECK \{\s+connect_port 8443\s+connect_timeout 1\s+#.*\s+retry 0\s+delay_before_retry 0.1\s+\}", text)
    assert len(knocks) == len(REAL_SERVERS) == text.count(patience)
    # A bad answer is no better: it is what one API server says, or all of them while etcd has no leader.
    assert len(re.findall(r"^ +retry 5\n +delay_before_retry 1$", text, re.MULTILINE)) == len(REAL_SERVERS)
    (task,) = [task for task in read_yaml(ROOT / "roles/lvs/tasks/director.yml") if "vars" in task]
    assert task["vars"]["keepalived_check_timeout"] == "{{ lvs_answer_timeout }}"


def test_nat_moves_the_real_servers_gateway_with_the_address() -> None:
    text = whole(lvs_mode="nat", lvs_gateway="10.89.82.99")
    assert "lvs_method NAT" in text
    assert "        10.89.82.100/32 dev eth0\n        10.89.82.99/32 dev eth0\n" in text
    sysctls = expression("lvs", role_variables("lvs")["_lvs_director_sysctls"], lvs_mode="nat")
    assert sysctls["net.ipv4.ip_forward"] == 1
    assert "net.ipv4.ip_forward" not in expression("lvs", role_variables("lvs")["_lvs_director_sysctls"], lvs_mode="dr")


def test_directors_tell_and_listen_at_the_same_time() -> None:
    text = template("lvs", "kubernetes-lvs-sync.service.j2", **PLAN)
    for part in ("master", "backup"):
        assert "ExecStart=ipvsadm --start-daemon %s --mcast-interface eth0 --syncid 51" % part in text


MACS = ["52:54:00:00:00:02", "52:54:00:00:00:03"]


def test_where_directors_are_real_servers_frames_of_other_directors_stay_unmarked() -> None:
    text = servers(lvs_peer_mac_addresses=MACS)
    assert "virtual_server fwmark 49 {" in text and "virtual_server 10." not in text
    rules = template("lvs", "marks.nft.j2", **{**role_variables("lvs"), **PLAN, "lvs_peer_mac_addresses": MACS})
    wanted = "ip daddr 10.89.82.100 tcp dport 8443 ether saddr != { 52:54:00:00:00:02, 52:54:00:00:00:03 } meta mark set 49"
    assert wanted in rules


@pytest.mark.skipif(shutil.which("nft") is None or os.geteuid() != 0, reason="no nft, or not root: its own check is not run")
@pytest.mark.parametrize("vip", ["10.89.82.100", "fd00::100"])
def test_nft_itself_takes_the_rules(tmp_path: pathlib.Path, vip: str) -> None:
    real = [{"name": "lb1", "address": vip + "1" if ":" in vip else "10.89.82.31"}]
    given = {"lvs_peer_mac_addresses": MACS, "cluster_vip": vip, "lvs_real_servers": real}
    path = tmp_path / "marks.nft"
    path.write_text(template("lvs", "marks.nft.j2", **{**role_variables("lvs"), **PLAN, **given}))
    done = subprocess.run(["nft", "--check", "--file", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_loopbacks_unit_silences_arp_before_it_brings_the_address() -> None:
    text = template("lvs", "kubernetes-virtual-address.service.j2", cluster_vip="10.89.82.100")
    sysctl, address = (text.index(word) for word in ("ExecStart=sysctl", "ExecStart=ip address replace 10.89.82.100/32 dev lo"))
    assert sysctl < address
    assert "fd00::100/128 dev lo" in template("lvs", "kubernetes-virtual-address.service.j2", cluster_vip="fd00::100")


def test_the_first_port_alone_says_whether_a_director_is_fit(tmp_path: pathlib.Path) -> None:
    text = servers(lvs_services=[{"port": 6443, "check": "readyz"}, {"port": 9345, "check": "tcp"}])
    assert text.count("quorum_up") == text.count("quorum_down") == 1
    assert text.index("quorum_down") < text.index("9345")
    fitness = tmp_path / "fitness"
    script = template("lvs", "note-real-servers.sh.j2", _lvs_fitness_file=str(fitness))
    for said in ("1", "0"):
        subprocess.run(["sh", "-s", said], input=script, text=True, check=True)
        assert fitness.read_text() == said + "\n"
    assert 'file "/run/kubernetes-lvs-fitness"\n    weight -2\n' in whole()


@pytest.mark.skipif(
    shutil.which("keepalived") is None or os.geteuid() != 0,
    reason="no keepalived, or not root: its own check of the text is not run",
)
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"lvs_mode": "nat", "lvs_gateway": "10.89.82.99"},
        {"lvs_services": [{"port": 6443, "check": "ssl"}, {"port": 9345, "check": "tcp"}]},
        {
            "cluster_vip": "fd00::100",
            "lvs_real_servers": [{"name": "lb1", "address": "fd00::31", "weight": None}],
            "lvs_source": "fd00::41",
            "lvs_peers": ["fd00::42"],
        },
        {"lvs_scheduler": "sh"},
        {"lvs_peer_mac_addresses": MACS, "lvs_services": [{"port": 6443, "check": "ssl"}, {"port": 9345, "check": "tcp"}]},
    ],
)
def test_keepalived_itself_takes_the_text(given: "dict[str, Any]") -> None:
    interface = next(name for name in sorted(os.listdir("/sys/class/net")) if name != "lo")
    # Not under /tmp: script security refuses a script in a folder that others may write to.
    folder = pathlib.Path("/etc/keepalived/unit-test-lvs")
    folder.mkdir(exist_ok=True)
    try:
        for role, name in (("keepalived", "check-apiserver.sh"), ("lvs", "note-real-servers.sh")):
            script = folder / name
            script.write_text(template(role, name + ".j2", **role_variables("lvs")))
            script.chmod(0o700)
        config = folder / "keepalived.conf"
        config.write_text(re.sub(r"/etc/keepalived/(check-|note-)", r"%s/\1" % folder, whole(lvs_interface=interface, **given)))
        config.chmod(0o600)
        done = subprocess.run(
            ["keepalived", "--config-test", "--use-file", str(config)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
    finally:
        shutil.rmtree(folder)
