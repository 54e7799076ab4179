"""Real LVS: packets take the direct path, and the endpoint outlives a director and a load balancer. For `make test-vm`, too."""

from __future__ import annotations

import concurrent.futures
import contextlib
import http.client
import json
import re
import ssl
import subprocess
import threading
import time
from typing import Any, Dict, Iterator, List, Tuple

import pytest

#: Seconds within which the endpoint has to be back.
LIMIT = 3.0


class Site:
    """The directors, the load balancers behind them and the address before them, as the inventory has them."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster
        listed = subprocess.run(
            ["ansible-inventory", "--inventory", str(cluster.inventory), "--list"], check=True, capture_output=True, text=True
        )
        groups = json.loads(listed.stdout)
        self.directors: List[str] = groups["directors"]["hosts"]
        self.load_balancers: List[str] = groups["load_balancers"]["hosts"]
        self.vip: str = cluster.setting("cluster_vip")
        self.port = int(cluster.setting("cluster_endpoint").rpartition(":")[2])
        self.mode: str = cluster.setting("lvs_mode") or "dr"
        # NAT answers only clients of other networks than the real servers'.
        client = cluster.setting("lab_client_address")
        self.source = (str(client), 0) if client else None
        # By which the directors know the load balancers.
        real = cluster.setting("lvs_real_servers") or []
        self.real_address = {name: cluster.address(name) for name in self.load_balancers}
        self.real_address.update({server["name"]: server["address"] for server in real})
        services = cluster.setting("lvs_services") or [{"port": self.port}]
        self.ports: List[int] = [int(service["port"]) for service in services]

    def connection(self, port: int = 0, timeout: float = 2) -> http.client.HTTPSConnection:
        # Who answers is told by the address alone; load balancer and director verify the certificate.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(
            self.vip, port or self.port, timeout=timeout, context=context, source_address=self.source
        )

    def answers(self, port: int = 0, timeout: float = 2) -> bool:
        connection = self.connection(port, timeout)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def interface(self, director: str) -> str:
        """The interface on which the director has the address; empty where it has not."""
        shown = self.cluster.host(director).run("ip -4 -oneline address show to %s" % self.vip).stdout.split()
        return shown[1] if shown else ""

    def holders(self, dead: str = "") -> List[str]:
        return [name for name in self.directors if name != dead and self.interface(name)]

    def table(self, director: str) -> Dict[Tuple[str, int], Tuple[int, int]]:
        """Address and port -> packets in and out, of each virtual server and each real server, by the kernel's own count."""
        listed = self.cluster.host(director).run("ipvsadm --list --numeric --stats --exact")
        assert listed.rc == 0, listed.stderr
        rows = re.findall(r"^(?:TCP|  ->)\s+([0-9.]+):(\d+)\s+\d+\s+(\d+)\s+(\d+)", listed.stdout, re.MULTILINE)
        return {(address, int(port)): (int(into), int(out)) for address, port, into, out in rows}

    def real_servers(self, director: str) -> "set[Tuple[str, int]]":
        return {entry for entry in self.table(director) if entry[0] != self.vip}

    def settled(self) -> None:
        """Returns when both directors pass on to all load balancers and one of them has the address."""
        wanted = {(self.real_address[name], port) for name in self.load_balancers for port in self.ports}
        deadline = time.monotonic() + 300
        while True:
            known = all(self.real_servers(name) == wanted for name in self.directors)
            if known and len(self.holders()) == 1 and all(self.answers(port) for port in self.ports):
                return
            assert time.monotonic() < deadline, {name: self.table(name) for name in self.directors}
            time.sleep(1)

    @contextlib.contextmanager
    def probed(self) -> Iterator["Probe"]:
        probe = Probe(self)
        yield probe
        probe.end()


class Probe:
    """Asks the endpoint every 50 ms, each time with a new connection, and notes when it did not answer."""

    def __init__(self, site: Site) -> None:
        self.seen: List[Tuple[float, float, bool]] = []  # asked, ended, answered
        self._end = threading.Event()
        self._site = site
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        with concurrent.futures.ThreadPoolExecutor(40) as pool:
            while not self._end.is_set():
                pool.submit(self._ask)
                time.sleep(0.05)

    def _ask(self) -> None:
        asked = time.monotonic()
        answered = self._site.answers()
        self.seen.append((asked, time.monotonic(), answered))

    def end(self) -> None:
        self._end.set()
        self._thread.join()

    def outage(self, since: float) -> float:
        """Seconds from ``since`` on without an answer, or, where some were answered, with one question after another unanswered."""
        answers = sorted(ended for _asked, ended, answered in self.seen if answered and ended >= since)
        assert answers, "the endpoint did not come back"
        longest = max(after - before for before, after in zip([since, *answers], answers))
        failed = sorted(asked for asked, _ended, answered in self.seen if not answered and asked >= since)
        print("unanswered, after seconds: %s" % " ".join("%.2f" % (asked - since) for asked in failed))
        begun = last = 0.0
        for asked in failed:
            # A question on its own, long after the others, is lost to a busy machine and not to what died.
            begun = begun if asked - last < 1 else asked
            last = asked
            longest = max(longest, last - begun)
        return longest


@pytest.fixture(scope="module")
def site(cluster: Any) -> Site:
    made = Site(cluster)
    made.settled()
    return made


def test_one_director_holds_the_address_and_knows_all_load_balancers(site: Site) -> None:
    assert len(site.holders()) == 1
    for director in site.directors:
        host = site.cluster.host(director)
        host.run_test("keepalived --config-test --use-file /etc/keepalived/keepalived.conf")
        assert host.file("/etc/modules-load.d/kubernetes-lvs.conf").contains("ip_vs_wlc")
        assert host.sysctl("net.ipv4.vs.expire_nodest_conn") == 1


def test_packets_take_the_path_of_the_mode(site: Site) -> None:
    (active,) = site.holders()
    before = site.table(active)
    for port in site.ports:
        for _question in range(40):
            assert site.answers(port)
    after = site.table(active)
    for port in site.ports:
        counted = after[site.vip, port][0] - before[site.vip, port][0]
        print("port %d: %d packets in and %d out by director %s" % (port, counted, after[site.vip, port][1], active))
        assert counted >= 40 * 5, "each connection has at least five packets to the API"
    for server, (into, out) in after.items():
        assert into > before[server][0], "%s:%d got nothing" % server
        if site.mode == "dr":
            assert out == 0, "%s:%d answered through the director" % server
        else:
            assert out > before[server][1], "%s:%d did not answer through the director" % server
    flags = site.cluster.host(active).run("ipvsadm --list --numeric").stdout
    assert flags.count({"dr": " Route ", "nat": " Masq "}[site.mode]) == len(site.load_balancers) * len(site.ports)


def test_the_check_of_the_api_behind_a_load_balancer_verifies_the_certificate(site: Site) -> None:
    """The script that `check: readyz` runs; the lab's directors ask by themselves, because they are slow."""
    host = site.cluster.host(site.directors[0])
    address = site.cluster.address(site.load_balancers[0])
    patient = "sed 's/--max-time [0-9]*/--max-time 20/' /etc/keepalived/check-apiserver.sh"
    host.run_test("%s | sh -s %s %d" % (patient, address, site.port))
    other = "sed 's#--cacert [^ ]*#--cacert /etc/ssl/certs/ca-certificates.crt#'"
    refused = host.run("%s | %s | sh -s %s %d" % (patient, other, address, site.port))
    assert refused.rc == 60, refused.stderr


def test_late_and_bad_answers_take_no_load_balancer_out(site: Site) -> None:
    """As API servers answer while etcd has no leader; the stand-in of `make test-vm` does so when it is told."""
    host = site.cluster.host(site.cluster.control_planes[0])
    if not host.file("/usr/local/lib/stand-in.py").exists:
        pytest.skip("API servers of a cluster can't be told to answer late")

    def taken_out() -> Dict[str, int]:
        journal = "journalctl --unit=keepalived --no-pager | grep --count 'Removing service'"
        return {name: int(site.cluster.host(name).run(journal).stdout) for name in site.directors}

    site.settled()
    before = taken_out()
    try:
        host.run_test("echo 1.6 200 > /run/stand-in-told.new && mv /run/stand-in-told.new /run/stand-in-told")
        end = time.monotonic() + 12
        while time.monotonic() < end:
            assert site.answers(timeout=5), "it answers late, and not never"
        # Shorter than two checks of HAProxy's, which by then would rightly take the API server out. Over before the next login.
        bad = "echo 0 500 > /run/stand-in-told.new && mv /run/stand-in-told.new /run/stand-in-told && sleep 1.6"
        host.run_test(bad + " && rm /run/stand-in-told")
    finally:
        host.run_test("rm -f /run/stand-in-told")
    time.sleep(3)
    assert taken_out() == before
    assert site.answers()


def test_only_the_active_director_claims_the_address_in_the_segment(site: Site) -> None:
    for name in site.load_balancers:
        host = site.cluster.host(name)
        if site.mode == "nat":
            assert site.vip not in host.run("ip -4 address show").stdout
            continue
        assert "inet %s/32" % site.vip in host.run("ip -4 address show lo").stdout
        assert (host.sysctl("net.ipv4.conf.all.arp_ignore"), host.sysctl("net.ipv4.conf.all.arp_announce")) == (1, 2)
        assert host.service("kubernetes-virtual-address").is_enabled
    (active,) = site.holders()
    mac = site.cluster.host(active).file("/sys/class/net/%s/address" % site.interface(active)).content_string.strip()
    # Forget the address, so that the whole segment is asked for it.
    subprocess.run(["ip", "neighbour", "flush", "to", site.vip], check=True)
    assert site.answers()
    neighbour = subprocess.run(["ip", "neighbour", "show", "to", site.vip], check=True, capture_output=True, text=True).stdout
    assert mac in neighbour


def test_the_endpoint_and_its_connections_outlive_the_active_director(site: Site) -> None:
    site.settled()
    (active,) = site.holders()
    kept = site.connection()
    for _question in range(6):  # more than the three packets after which a connection is told to the other director
        kept.request("GET", "/readyz")
        assert kept.getresponse().read()
    time.sleep(3)
    with site.probed() as probe:
        stopped = time.monotonic()
        site.cluster.lab("stop", "%s-%s" % (site.cluster.scenario, active))
        time.sleep(8)
    try:
        print("the endpoint was away for %.2f s when director %s died" % (probe.outage(stopped), active))
        assert site.holders(dead=active) == [name for name in site.directors if name != active]
        kept.request("GET", "/readyz")
        assert kept.getresponse().status == 200, "the connection from before its death"
        assert probe.outage(stopped) <= LIMIT
    finally:
        kept.close()
        site.cluster.lab("start", "%s-%s" % (site.cluster.scenario, active))
    site.settled()


def test_the_endpoint_outlives_a_load_balancer(site: Site) -> None:
    site.settled()
    dead = site.load_balancers[0]
    with site.probed() as probe:
        stopped = time.monotonic()
        site.cluster.lab("stop", "%s-%s" % (site.cluster.scenario, dead))
        time.sleep(8)
    outage = probe.outage(stopped)
    try:
        print("questions went unanswered for %.2f s when load balancer %s died" % (outage, dead))
        (active,) = site.holders()
        assert site.real_address[dead] not in {address for address, _port in site.real_servers(active)}
        assert outage <= LIMIT
    finally:
        site.cluster.lab("start", "%s-%s" % (site.cluster.scenario, dead))
    site.settled()
    if site.mode == "nat":
        return
    host = site.cluster.host(dead)
    assert "inet %s/32" % site.vip in host.run("ip -4 address show lo").stdout, "after its start, without Ansible"
