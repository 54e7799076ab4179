# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Members of external etcd with the real etcd and OpenSSL; of systemd and the kubelet what it asks of them is imitated."""

from __future__ import annotations

import os
import pathlib
import pwd
import shutil
import subprocess
import threading
import time
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence

import pytest
import yaml
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd import operation, settings, static_pod
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.certificates import make_authority
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import Member
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.operation import Operator, Pod, Wanted
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import Peer, Tuning, parse_environment, variable
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.static_pod import PodOperator
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.state import Outcome
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner, Result


def _has_user() -> bool:
    try:
        pwd.getpwnam("etcd")
    except KeyError:
        return False
    return True


pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0 or not _has_user(), reason="needs root and the user etcd (Debian: etcd-server)"),
    pytest.mark.skipif(not shutil.which("etcd") or not shutil.which("openssl"), reason="etcd and openssl are not both installed"),
]


class Host(HostRunner):
    """A host with its own address and folders, whose systemd knows one unit."""

    def __init__(self, peer: Peer, folder: pathlib.Path) -> None:
        self.peer, self.folder = peer, folder / peer.name
        self.paths = {
            "PKI": str(self.folder / "pki"),
            "AUTHORITY": str(self.folder / "pki/ca"),
            "CLIENT": str(self.folder / "pki/healthcheck-client"),
            "SETTINGS": str(self.folder / "etcd.env"),
            "BEGINNING": str(self.folder / "beginning.env"),
            "UNIT": str(self.folder / "etcd.service"),
        }
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.process: Optional["subprocess.Popen[bytes]"] = None
        self.started = 0.0
        self.enabled = False

    def run(
        self,
        argv: Sequence[str],
        timeout: Optional[float] = None,
        stdin: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> Result:
        if argv[0] == "journalctl":
            return Result(0, "\n".join(self.log.read_text().splitlines()[-12:]) if self.log.exists() else "", "")
        if argv[0] != "systemctl":
            return super().run(argv, timeout, stdin, env)
        words = [word for word in argv[1:] if not word.startswith("--")]
        if words[0] == "show":
            state = "active" if self.process is not None and self.process.poll() is None else "inactive"
            enabled = "enabled" if self.enabled else "disabled"
            moment = int(self.started * 1e6)
            text = "LoadState=loaded\nActiveState=%s\nUnitFileState=%s\nNeedDaemonReload=no\nExecMainStartTimestampMonotonic=%d\n"
            return Result(0, text % (state, enabled, moment), "")
        if words[0] == "enable":
            self.enabled = True
        if words[0] in ("stop", "restart"):
            self.stop()
        if words[0] == "restart" and ((self.data / "member").exists() or pathlib.Path(self.paths["BEGINNING"]).exists()):
            self._start()
        return Result(0, "", "")

    def _start(self) -> None:
        flags: Dict[str, str] = {}
        for name in ("SETTINGS", "BEGINNING"):
            flags.update(parse_environment(self.read(self.paths[name]) or ""))
        environment = dict(os.environ, **{variable(name): value for name, value in flags.items()})
        self.started = time.clock_gettime(time.CLOCK_MONOTONIC)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["etcd"], env=environment, stdout=log, stderr=log)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(timeout=30)


class PodHost(Host):
    """A host whose kubelet runs what the manifest says, anew for each text of it."""

    def __init__(self, peer: Peer, folder: pathlib.Path) -> None:
        super().__init__(peer, folder)
        self.paths.update(
            MANIFEST=str(self.folder / "manifests/etcd.yaml"),
            KUBELET_UNIT=str(self.folder / "kubelet.service.d/20-etcd.conf"),
            KUBELET_CONFIG=str(self.folder / "kubelet.yaml"),
        )
        self.kubelet: Optional[threading.Thread] = None
        self.kubelet_stops = threading.Event()

    def run(
        self,
        argv: Sequence[str],
        timeout: Optional[float] = None,
        stdin: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> Result:
        if argv[0] != "systemctl":
            return super().run(argv, timeout, stdin, env)
        words = [word for word in argv[1:] if not word.startswith("--")]
        if words[0] == "show":
            assert words[1] == "kubelet.service"
            state = "inactive" if self.kubelet is None else "active"
            text = "LoadState=loaded\nActiveState=%s\nUnitFileState=%s\nNeedDaemonReload=no\nExecMainStartTimestampMonotonic=%d\n"
            return Result(0, text % (state, "enabled" if self.enabled else "disabled", int(self.started * 1e6)), "")
        if words[0] == "enable":
            self.enabled = True
        if words[0] == "restart":
            self._end_kubelet()
            self.started = time.clock_gettime(time.CLOCK_MONOTONIC)
            self.kubelet_stops = threading.Event()
            self.kubelet = threading.Thread(target=self._keep, args=(self.kubelet_stops,), daemon=True)
            self.kubelet.start()
        return Result(0, "", "")

    running = ""

    def _keep(self, stops: threading.Event) -> None:
        while not stops.wait(0.1):
            text = self.read(self.paths["MANIFEST"]) or ""
            dead = self.process is None or self.process.poll() is not None
            if text != self.running or (dead and text and not stops.wait(1)):
                if self.process is not None:
                    self.process.terminate()
                    self.process.wait(timeout=30)
                self.running = text
                self._start()

    def _start(self) -> None:
        text = self.read(self.paths["MANIFEST"])
        if text:
            (container,) = yaml.safe_load(text)["spec"]["containers"]
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(container["command"], stdout=log, stderr=log)

    def _end_kubelet(self) -> None:
        self.kubelet_stops.set()
        if self.kubelet is not None:
            self.kubelet.join(40)
        self.kubelet = None

    def stop(self) -> None:
        self._end_kubelet()
        super().stop()


class Lab:
    """Hosts that are brought up as the playbook does it."""

    def __init__(self, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, number: int, pods: bool = False) -> None:
        self.monkeypatch = monkeypatch
        self.pods = pods
        # Each run has its own addresses: what one that was killed has left there would answer for this one's members.
        self.peers = [Peer("etcd%d" % index, "127.81.%d.%d" % (os.getpid() % 250, 30 + index)) for index in range(1, number + 1)]
        self.hosts = {peer.name: (PodHost if pods else Host)(peer, folder) for peer in self.peers}
        self.authority = make_authority(HostRunner(), "etcd-ca", 3650)

    def bring_up(self, name: str, check: bool = False, **more: Any) -> Outcome:
        host = self.hosts[name]
        for module in (operation, settings, static_pod):
            for constant, path in host.paths.items():
                self.monkeypatch.setattr(module, constant, path, raising=False)
        wanted = Wanted(
            member=host.peer,
            others=[peer for peer in self.peers if peer.name != name],
            token="test",
            data_dir=str(host.data),
            unit="" if self.pods else "[Service]\n",
            pod=Pod("registry.example/etcd:3", "[Service]\n", more.pop("kubelet_config", "{}\n")) if self.pods else None,
            tuning=Tuning(100, 1000),
            # All of them are on this machine: 127.0.0.1 could be only one's.
            arguments=dict({"listen-client-urls": host.peer.client_url}, **more.pop("arguments", {})),
            authority=None if pathlib.Path(host.paths["AUTHORITY"] + ".key").exists() else self.authority,
            timeout=more.pop("timeout", 90),
            **more,
        )
        return (PodOperator if self.pods else Operator)(wanted, host, check).bring_up()

    def begin(self) -> None:
        for wait in (False, True):
            for peer in self.peers:
                if peer.name not in self.left_out:
                    self.bring_up(peer.name, bootstrap=True, wait=wait)
        if self.pods:
            for peer in self.peers:
                if peer.name not in self.left_out:
                    # Where one is still missing, the others have no quorum without this one: it keeps the order until then.
                    changes = self.bring_up(peer.name).changes
                    assert changes == ([] if self.left_out else ["static pod etcd: restart without it"]), changes

    left_out: "tuple[str, ...]" = ()

    def client(self, name: str) -> EtcdClient:
        paths = self.hosts[name].paths
        client = paths["CLIENT"]
        return EtcdClient(self.hosts[name].peer.client_url, paths["AUTHORITY"] + ".crt", client + ".crt", client + ".key")

    def members(self, name: str = "etcd1") -> Dict[str, Member]:
        return {member.name: member for member in self.client(name).member_list()}

    def pids(self) -> List[Optional[int]]:
        return [host.process.pid if host.process else None for host in self.hosts.values()]

    def wipe(self, name: str) -> None:
        self.hosts[name].stop()
        shutil.rmtree(self.hosts[name].data / "member")


@pytest.fixture
def make_lab(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Lab]]:
    made: List[Lab] = []

    def make(number: int, pods: bool) -> Lab:
        made.append(Lab(tmp_path, monkeypatch, number, pods))
        return made[-1]

    yield make
    for one in made:
        for host in one.hosts.values():
            host.stop()


@pytest.fixture(params=["services", "static pods"])
def lab(make_lab: Callable[..., Lab], request: pytest.FixtureRequest) -> Lab:
    return make_lab(3, pods=request.param == "static pods")


def test_three_members_begin_and_then_nothing_changes(lab: Lab) -> None:
    assert any("certificate" in line for line in lab.bring_up("etcd1", check=True, bootstrap=True).changes)
    assert not lab.hosts["etcd1"].folder.exists(), "a check changes nothing"
    lab.begin()
    assert sorted(lab.members()) == ["etcd1", "etcd2", "etcd3"]
    before = lab.pids()
    for name in lab.hosts:
        assert lab.bring_up(name).changes == []
        assert lab.bring_up(name, check=True).changes == []
        assert not pathlib.Path(lab.hosts[name].paths["BEGINNING"]).exists()
    assert lab.pids() == before


def test_a_wiped_member_is_refused_then_replaced_as_a_learner_without_touching_the_others(lab: Lab) -> None:
    lab.begin()
    before, pids = lab.members(), lab.pids()
    lab.wipe("etcd3")
    with pytest.raises(HostStateError, match="-e etcd_replace_member=etcd3"):
        lab.bring_up("etcd3")
    assert lab.members() == before
    changes = lab.bring_up("etcd3", replace=True).changes
    assert [line for line in changes if line.startswith("etcd: ")] == [
        "etcd: removed from the cluster",
        "etcd: added as a learner",
        "etcd: promoted",
    ]
    after = lab.members()
    assert (after["etcd1"], after["etcd2"]) == (before["etcd1"], before["etcd2"])
    assert after["etcd3"].id != before["etcd3"].id and not after["etcd3"].learner
    assert lab.pids()[:2] == pids[:2]
    assert lab.bring_up("etcd3", replace=True).changes == [], "the opt-in does nothing to a healthy member"


def test_a_member_that_lost_its_data_does_not_serve_an_empty_cluster(lab: Lab) -> None:
    lab.begin()
    lab.wipe("etcd3")
    lab.hosts["etcd3"].data.mkdir(exist_ok=True)
    # Even where somebody starts it by hand, past the unit's conditions
    lab.hosts["etcd3"]._start()
    process = lab.hosts["etcd3"].process
    assert process is not None
    assert process.wait(timeout=60) != 0
    log = lab.hosts["etcd3"].log.read_text()
    assert "member count is unequal" in log or "has already been bootstrapped" in log or "cannot fetch cluster info" in log


def test_a_killed_replacement_is_completed_by_the_next_run(lab: Lab) -> None:
    lab.begin()
    lab.wipe("etcd3")

    class Killed(Exception):
        pass

    def killed(_operator: Operator) -> None:
        raise Killed

    for step in ("_add", "_begin_existing", "_wait"):
        with lab.monkeypatch.context() as patch:
            patch.setattr(Operator, step, killed)
            with pytest.raises(Killed):
                lab.bring_up("etcd3", replace=True)
    lab.bring_up("etcd3", replace=True)
    found = lab.members()
    assert sorted(found) == ["etcd1", "etcd2", "etcd3"] and not any(member.learner for member in found.values())


def test_a_founding_member_that_came_too_late_takes_its_own_place(lab: Lab) -> None:
    lab.left_out = ("etcd3",)
    lab.begin()
    identity = {member.peer_urls[0]: member.id for member in lab.client("etcd1").member_list()}[lab.peers[2].peer_url]
    assert not any(line.startswith("etcd: ") for line in lab.bring_up("etcd3").changes), "it is neither added nor removed"
    assert lab.members()["etcd3"].id == identity
    for name in lab.hosts:
        lab.bring_up(name)
        assert lab.bring_up(name).changes == []


def test_certificates_are_renewed_without_a_restart_and_are_served_at_once(lab: Lab) -> None:
    lab.begin()
    pids = lab.pids()

    def served(peer: Peer) -> bytes:
        files = lab.hosts[peer.name].paths
        argv = ["openssl", "s_client", "-connect", "%s:2379" % peer.address, "-cert", files["CLIENT"] + ".crt"]
        argv += ["-key", files["CLIENT"] + ".key", "-CAfile", files["AUTHORITY"] + ".crt"]
        shown = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=False).stdout
        return subprocess.run(["openssl", "x509", "-noout", "-serial"], input=shown, capture_output=True, check=True).stdout

    before = [served(peer) for peer in lab.peers]
    for peer in lab.peers:
        changes = lab.bring_up(peer.name, certificate_days=400, renew_before_days=380).changes
        assert len(changes) == 3 and all("ends in 364 days" in line for line in changes)
        assert lab.bring_up(peer.name, certificate_days=400, renew_before_days=380).changes == []
    assert not set(before) & {served(peer) for peer in lab.peers}
    assert lab.pids() == pids
    assert all(lab.client(name).health().healthy for name in lab.hosts)


def test_a_changed_setting_restarts_a_member_only_while_the_others_have_a_quorum(lab: Lab) -> None:
    lab.begin()
    pids = lab.pids()
    lab.hosts["etcd2"].stop()
    with pytest.raises(HostStateError, match="no quorum without it"):
        lab.bring_up("etcd1", arguments={"snapshot-count": 5000}, timeout=3)
    assert lab.pids()[0] == pids[0]
    lab.bring_up("etcd2")
    changes = lab.bring_up("etcd1", arguments={"snapshot-count": 5000}).changes
    assert ("static pod etcd: restart" if lab.pods else "service etcd: restart") in changes
    assert lab.pids()[0] != pids[0]


def test_a_fourth_member_joins_as_a_learner(make_lab: Callable[..., Lab]) -> None:
    grown = make_lab(4, pods=False)
    newcomer = grown.peers.pop()
    grown.begin()
    grown.peers.append(newcomer)
    changes = grown.bring_up("etcd4").changes
    assert "etcd: added as a learner" in changes and "etcd: promoted" in changes
    assert len(grown.members("etcd4")) == 4


def test_a_pod_has_no_order_to_begin_once_it_has_begun(make_lab: Callable[..., Lab]) -> None:
    pods = make_lab(3, pods=True)
    for wait in (False, True):
        for name in pods.hosts:
            pods.bring_up(name, bootstrap=True, wait=wait)
    for host in pods.hosts.values():
        assert "--initial-cluster-state=new" in (host.read(host.paths["MANIFEST"]) or "")
    pods.bring_up("etcd1")
    text = pods.hosts["etcd1"].read(pods.hosts["etcd1"].paths["MANIFEST"]) or ""
    assert "--initial-cluster-state=existing" in text and "initial-cluster-token" not in text
    pod = yaml.safe_load(text)
    assert pod["spec"]["securityContext"]["runAsUser"] == pwd.getpwnam("etcd").pw_uid
    assert {volume["hostPath"]["path"] for volume in pod["spec"]["volumes"]} == {
        str(pods.hosts["etcd1"].data),
        pods.hosts["etcd1"].paths["PKI"],
    }
    # Another run goes on with those that a killed one left.
    for name in ("etcd2", "etcd3"):
        assert pods.bring_up(name).changes == ["static pod etcd: restart without it"]
        assert pods.bring_up(name).changes == []


def test_a_kubelets_new_setting_restarts_the_kubelet_and_not_etcd(make_lab: Callable[..., Lab]) -> None:
    pods = make_lab(1, pods=True)
    pods.begin()
    pids = pods.pids()
    assert "service kubelet: restart" in pods.bring_up("etcd1", kubelet_config="failSwapOn: false\n").changes
    assert pods.pids() == pids
