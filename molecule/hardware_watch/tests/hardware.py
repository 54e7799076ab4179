"""Hardware that fails and is replaced, as its programs say it, and what the cluster makes of it."""

from __future__ import annotations

import contextlib
import json
import pathlib
import socket
import threading
import time
from typing import Any, Callable, Dict, List, Set, Tuple

ROOT = pathlib.Path(__file__).resolve().parents[3]
FIXTURES = ROOT / "tests" / "fixtures" / "smartctl"
KUBECTL = "kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=20s "
AGENT = "kubernetes-hardware-failover.service"
UNFIT = "/run/kubernetes-hardware-unfit"
PROGRAM = "python3 /usr/local/lib/baremetal-kubernetes/hardware-watch.pyz "
COUNTERS = "/sys/devices/system/edac/mc/mc0/"
#: rasdaemon's own statement, with its order of columns (ras-record.c).
EVENTS = """
import os, sqlite3, time
os.makedirs("/var/lib/rasdaemon", exist_ok=True)
with sqlite3.connect("/var/lib/rasdaemon/ras-mc_event.db") as database:
    database.execute(
        "CREATE TABLE IF NOT EXISTS mc_event (id INTEGER PRIMARY KEY, timestamp TEXT, err_count INTEGER, err_type TEXT, "
        "err_msg TEXT, label TEXT, mc INTEGER, top_layer INTEGER, middle_layer INTEGER, lower_layer INTEGER, "
        "address INTEGER, grain INTEGER, syndrome INTEGER, driver_detail TEXT)"
    )
    database.execute(
        "INSERT INTO mc_event (timestamp, err_count, err_type, err_msg, label, mc) VALUES (?, 1, 'Uncorrected', ?, ?, 0)",
        (time.strftime("%Y-%m-%d %H:%M:%S +0000", time.gmtime()), "memory read error", "CPU_SrcID#0_MC#0_Chan#0_DIMM#0"),
    )
"""
TYPES = ("DiskFailing", "HardwareDegraded", "MemoryFailing", "StoragePoolFailing", "TemperatureCritical")


def wait(seconds: float, what: str, look: Callable[[], Any]) -> Any:
    """What ``look`` returns once that is something; its last error is said where it never is."""
    deadline = time.monotonic() + seconds
    trouble = ""
    while True:
        try:
            found = look()
            if found:
                return found
        except AssertionError as error:
            trouble = str(error)
        assert time.monotonic() < deadline, "%s: not within %d s. %s" % (what, seconds, trouble)
        time.sleep(1)


class Knocks:
    """Connects to an address again and again. A kernel answers that, however busy the programs behind it are."""

    INTERVAL = 0.1

    def __init__(self, address: str, port: int) -> None:
        self.target = (address, port)
        self.ended = threading.Event()
        #: Longest time in seconds between two connections.
        self.longest = 0.0

    def __enter__(self) -> "Knocks":
        self.thread = threading.Thread(target=self._knock, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.ended.set()
        self.thread.join(10)

    def _knock(self) -> None:
        last = time.monotonic()
        while not self.ended.wait(self.INTERVAL):
            with contextlib.suppress(OSError), socket.create_connection(self.target, timeout=0.5):
                now = time.monotonic()
                self.longest, last = max(self.longest, now - last), now


class Hardware:
    """The nodes of the scenario's cluster, and a person who stands before them."""

    def __init__(self, cluster: Any) -> None:
        self.cluster = cluster

    # --- what fails, and is replaced

    def disk(self, node: str, fixture: str, serial: str = "") -> None:
        """The node's disk becomes that of the fixture, or another one by its serial number."""
        said = json.loads((FIXTURES / fixture).read_text())
        if serial:
            said["serial_number"] = serial
        done = self.cluster.host(node).run("cat >/var/lib/played-hardware/disk.json <<'END'\n%s\nEND\n" % json.dumps(said))
        assert done.rc == 0, done.stderr

    def memory_fails(self, node: str) -> None:
        """An error that could not be corrected: EDAC counts it, and rasdaemon keeps it."""
        done = self.cluster.host(node).run("python3 - <<'END'\n%s\nEND\n" % EVENTS)
        assert done.rc == 0, done.stderr
        self.shell(node, "echo 1 >%sue_count && echo 1 >%sdimm0/dimm_ue_count" % (COUNTERS, COUNTERS))

    def memory_is_replaced(self, node: str) -> None:
        """Its counters begin anew, as after a boot; what rasdaemon kept is accepted by a person."""
        self.shell(node, "echo 0 >%sue_count && echo 0 >%sdimm0/dimm_ue_count" % (COUNTERS, COUNTERS))
        self.accept(node)

    def accept(self, node: str) -> None:
        self.shell(node, PROGRAM + "accept")

    def open(self, node: str) -> None:
        """As docs/operations/hardware.md has it."""
        self.kubectl("uncordon " + node)
        self.kubectl("annotate node %s baremetal.kubernetes/cordoned-by-" % node)

    # --- what is said

    def shell(self, node: str, command: str) -> str:
        done = self.cluster.host(node).run(command)
        assert done.rc == 0, "%s: %s: %s%s" % (node, command, done.stdout, done.stderr)
        return str(done.stdout)

    def kubectl(self, arguments: str) -> str:
        """By the control plane that answers: the one that is asked first may be the one that gives its address away."""
        for name in self.cluster.control_planes:
            done = self.cluster.host(name).run(KUBECTL + arguments)
            if done.rc == 0:
                return str(done.stdout)
        raise AssertionError("kubectl %s: %s" % (arguments, done.stderr))

    def objects(self, arguments: str) -> List[Dict[str, Any]]:
        found: List[Dict[str, Any]] = json.loads(self.kubectl("get -o json " + arguments))["items"]
        return found

    def conditions(self) -> Dict[str, Dict[str, Dict[str, str]]]:
        """Node -> type -> condition."""
        return {
            item["metadata"]["name"]: {one["type"]: one for one in item["status"]["conditions"]} for item in self.objects("nodes")
        }

    def condition(self, node: str, kind: str) -> Dict[str, str]:
        return self.conditions()[node].get(kind, {})

    def is_failing(self, node: str, kind: str, seconds: float = 150) -> Dict[str, str]:
        """The condition, once it is True."""
        look = lambda: [one for one in (self.condition(node, kind),) if one.get("status") == "True"]  # noqa: E731
        found: Dict[str, str] = wait(seconds, "%s of %s" % (kind, node), look)[0]
        return found

    def is_well(self, node: str, kind: str, seconds: float = 150) -> None:
        wait(seconds, "%s of %s gone" % (kind, node), lambda: self.condition(node, kind).get("status") == "False")

    def events(self, node: str, reason: str) -> List[Dict[str, Any]]:
        return self.objects("events -A --field-selector involvedObject.kind=Node,involvedObject.name=%s,reason=%s" % (node, reason))

    def closed(self, node: str) -> Tuple[bool, str]:
        """Whether it takes no pods, and whose mark it has."""
        item = next(one for one in self.objects("nodes") if one["metadata"]["name"] == node)
        mark = (item["metadata"].get("annotations") or {}).get("baremetal.kubernetes/cordoned-by", "")
        return bool(item["spec"].get("unschedulable")), str(mark)

    def pods(self, node: str, kind: str = "ReplicaSet") -> Set[str]:
        """Names of the pods of this kind of owner that are on the node."""
        found = self.objects("pods -A --field-selector spec.nodeName=" + node)
        return {
            one["metadata"]["name"]
            for one in found
            if any(owner["kind"] == kind for owner in one["metadata"].get("ownerReferences") or [])
        }

    def held(self) -> str:
        """The node that the Lease names."""
        lease = "get leases --namespace kube-system hardware-failover --ignore-not-found "
        return self.kubectl(lease + "-o jsonpath={.spec.holderIdentity}").strip()

    def now(self) -> int:
        """By the nodes' clock, which is this machine's."""
        return int(time.time())

    def said(self, since: int) -> str:
        """What the agents of all control planes have said from then on."""
        command = "journalctl --unit %s --since @%d --output cat --no-pager" % (AGENT, since)
        return "".join(self.shell(name, command) for name in self.cluster.control_planes)

    def is_said(self, words: str, since: int, seconds: float = 90) -> None:
        wait(seconds, words, lambda: words in self.said(since))

    def looks(self, count: int) -> None:
        """Until each control plane has looked so many times more."""
        stamp = "systemctl show %s --property InactiveEnterTimestampMonotonic" % AGENT
        for name in self.cluster.control_planes:
            seen = {self.shell(name, stamp)}
            deadline = time.monotonic() + 60 * count
            while len(seen) <= count:
                assert time.monotonic() < deadline, "%s: %d looks in %d s" % (name, len(seen) - 1, 60 * count)
                time.sleep(1)
                seen.add(self.shell(name, stamp))

    def holders(self) -> List[str]:
        """Control planes that have the virtual address."""
        address = " %s/" % self.cluster.setting("cluster_vip")
        return [name for name in self.cluster.control_planes if address in self.shell(name, "ip -4 addr show")]
