"""The drill on directors, load balancers and the cluster behind them. Its reports are kept in tests/output/drill-lvs_haproxy."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Dict

ROOT = pathlib.Path(__file__).resolve().parents[3]
OUTPUT = ROOT / "tests" / "output" / "drill-lvs_haproxy"
FAULTS = ["vip_holder", "load_balancer", "director", "physical_host"]
#: Seconds within which the endpoint has to be back.
LIMIT = 3.0


def drill(cluster: Any, *arguments: str) -> Any:
    given = {"drill_faults": FAULTS, "drill_report_directory": str(OUTPUT)}
    return cluster.run("drill", "-e", json.dumps(given), *arguments)


def test_check_mode_names_the_director_with_the_address(cluster: Any) -> None:
    run = drill(cluster, "--check")
    assert run.returncode == 0, run.stdout[-4000:]
    assert "vip_holder: power off on dir" in run.stdout
    assert "director: power off on dir" in run.stdout


def test_the_endpoint_is_back_in_time_and_no_acknowledged_write_is_lost(cluster: Any) -> None:
    run = drill(cluster, "-e", "drill_confirm=" + cluster.setting("cluster_name"))
    assert run.returncode == 0, run.stdout[-6000:]
    path = sorted(OUTPUT.glob("*/report.json"))[-1]
    report: Dict[str, Any] = json.loads(path.read_text())
    faults = {fault["fault"]: fault for fault in report["faults"]}
    assert list(faults) == FAULTS
    for name, fault in faults.items():
        print("%s: %.2f s, %d probes failed" % (name, fault["outage"]["longest"], fault["probes"]["failed"]))
    assert {fault["lost_writes"] for fault in faults.values()} == {0}
    assert report["keys"]["acknowledged"] > 200 and report["keys"]["lost"] == []
    for name in ("vip_holder", "load_balancer", "director"):
        assert faults[name]["outage"]["longest"] <= LIMIT, name
    # Where nothing fails, nothing was killed: without its holder the address can't answer.
    assert faults["vip_holder"]["probes"]["failed"] > 0 and faults["director"]["probes"]["failed"] > 0
    assert "<svg" in (path.parent / "report.html").read_text()


def test_nothing_of_the_drill_is_left_on_the_hosts(cluster: Any) -> None:
    for name in cluster.variables:
        host = cluster.host(name)
        assert not host.file("/var/lib/baremetal-kubernetes/drill/fault.json").exists, name
        assert "drill" not in host.run("systemctl list-units --all --no-legend 'baremetal-kubernetes-drill*'").stdout
        assert "drill" not in host.run("nft list ruleset").stdout.lower()
        assert "DRILL" not in host.run("iptables -t mangle -S").stdout
