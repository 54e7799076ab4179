"""A kubelet taken from one runtime to another: what is planned, what is done, and a run that is killed anywhere."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Sequence

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container import change
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.change import Change, ChangeError, plan, read
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.runtime import RUNTIMES
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result

FLAGS_PATH, CONFIG, INSTANCE = (
    "/var/lib/kubelet/kubeadm-flags.env",
    "/var/lib/kubelet/config.yaml",
    "/var/lib/kubelet/instance-config.yaml",
)
OLD, NEW = RUNTIMES["containerd"].socket, RUNTIMES["crio"].socket


class Killed(Exception):
    """The run ends here."""


class Machine:
    """A node whose kubelet runs with the runtime whose socket its files name."""

    def __init__(self, files: Dict[str, str], annotated: str = OLD) -> None:
        self.files = {**files, **{RUNTIMES[name].socket.partition("://")[2]: "" for name in RUNTIMES}}
        self.active = {"kubelet", "containerd", "crio", "docker", "cri-docker", "cri-docker.socket", "docker.socket"}
        self.enabled = set(self.active)
        self.annotation = annotated
        self.did: List[str] = []
        self.clock = 0.0
        self.kill_at = -1
        self.links = {"/sys/class/net/docker0"}

    def read(self, path: str) -> Optional[str]:
        return self.files.get(path)

    def exists(self, path: str) -> bool:
        return path in self.files or path in self.links

    def which(self, name: str) -> Optional[str]:
        return "/usr/bin/" + name

    def now(self) -> float:
        return self.clock

    def replace(self, path: str, content: str, mode: int = 0o644) -> None:
        self._step("write " + path)
        self.files[path] = content

    def remove(self, path: str) -> None:
        self._step("remove " + path)
        del self.files[path]

    def _step(self, what: str) -> None:
        if len(self.did) == self.kill_at:
            raise Killed
        self.did.append(what)

    @property
    def runtime(self) -> str:
        socket = change.kubelet_socket([text for path, text in self.files.items() if path.startswith("/var/lib/kubelet/")])
        return next((name for name, one in RUNTIMES.items() if one.socket == socket), "docker")

    def run(self, argv: Sequence[str], timeout: float = 0, stdin: Any = None, env: Any = None) -> Result:
        words = " ".join(argv)
        if argv[:2] == ["systemctl", "show"]:
            units = argv[argv.index("--") + 1 :]
            sections = []
            for unit in units:
                name = unit[: -len(".service")] if unit.endswith(".service") else unit
                states = ("active" if name in self.active else "inactive", "enabled" if name in self.enabled else "disabled")
                sections.append("Id=%s\nLoadState=loaded\nActiveState=%s\nUnitFileState=%s" % ((unit,) + states))
            return Result(0, "\n\n".join(sections), "")
        if "get node" in words:
            if "kubelet" not in self.active:
                return Result(1, "", "refused")
            version = "%s://1" % RUNTIMES[self.runtime].kubelet_name
            status = {"nodeInfo": {"containerRuntimeVersion": version}, "conditions": [{"type": "Ready", "status": "True"}]}
            metadata = {"name": "worker1", "annotations": {change.ANNOTATION: self.annotation}}
            return Result(0, json.dumps({"metadata": metadata, "status": status}), "")
        if "pods --quiet" in words or "docker ps" in words:
            return Result(0, "a\nb\n", "")
        self._step(words)
        if argv[0] == "systemctl":
            name = argv[-1].replace(".service", "")
            {"stop": self.active.discard, "start": self.active.add, "disable": self.enabled.discard}.get(argv[1], len)(name)
        if "annotate" in words:
            self.annotation = next(word for word in argv if word.startswith(change.ANNOTATION)).partition("=")[2]
        if argv[:3] == ["ip", "link", "delete"]:
            self.links.clear()
        return Result(0, "", "")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(files: Dict[str, str], **more: Any) -> Machine:
        made = Machine(files, **more)
        monkeypatch.setattr(change, "replace_file", made.replace)
        monkeypatch.setattr(change.os, "remove", made.remove)
        monkeypatch.setattr(change.os, "makedirs", lambda *_args, **_more: None)
        return made

    return make


def bring(machine: Any, wanted: str) -> None:
    node = read(machine)
    if plan(node, wanted):
        Change(machine, "worker1", timeout=10, pause=lambda seconds: setattr(machine, "clock", machine.clock + seconds)).apply(
            node, wanted
        )


FILES = [
    {FLAGS_PATH: 'KUBELET_KUBEADM_ARGS="--container-runtime=remote --container-runtime-endpoint=%s --v=2"\n' % OLD},
    {FLAGS_PATH: 'KUBELET_KUBEADM_ARGS=""\n', CONFIG: "kind: KubeletConfiguration\ncontainerRuntimeEndpoint: %s\n" % OLD},
    {
        FLAGS_PATH: 'KUBELET_KUBEADM_ARGS=""\n',
        CONFIG: "containerRuntimeEndpoint: %s\n" % OLD,
        INSTANCE: 'containerRuntimeEndpoint: "%s"\n' % OLD,
    },
]


@pytest.mark.parametrize("files", FILES)
def test_the_kubelet_gets_the_new_socket_wherever_its_version_keeps_it(machine: Any, files: Dict[str, str]) -> None:
    node = machine(files)
    bring(node, "crio")
    for path in files:
        assert node.files[path] == files[path].replace(OLD, NEW)
    assert node.annotation == NEW and "kubelet" in node.active and "containerd" not in node.active | node.enabled
    done = list(node.did)
    bring(node, "crio")
    assert node.did == done


def test_containers_end_between_the_kubelets_stop_and_its_start(machine: Any) -> None:
    node = machine(FILES[0])
    bring(node, "crio")
    order = [
        next(i for i, what in enumerate(node.did) if words in what)
        for words in ("stop kubelet", "rmp --all", "write " + FLAGS_PATH, "start -- kubelet")
    ]
    assert order == sorted(order)
    assert node.did[0] == "write " + change.MARKER and node.did[-1] == "remove " + change.MARKER


def test_a_run_that_is_killed_anywhere_is_finished_by_the_next(machine: Any) -> None:
    whole = machine(FILES[0])
    bring(whole, "crio")
    for at in range(len(whole.did)):
        node = machine(FILES[0])
        node.kill_at = at
        with pytest.raises(Killed):
            bring(node, "crio")
        node.kill_at = -1
        seen = read(node)
        # After the first step the mark says what to do without a word of the caller.
        bring(node, seen.begun.get("to", "crio") if at else "crio")
        assert node.runtime == "crio" and node.annotation == NEW and change.MARKER not in node.files
        assert "kubelet" in node.active and "containerd" not in node.active, at


def test_docker_leaves_with_its_socket_and_its_link_and_keeps_containerd_where_it_comes(machine: Any) -> None:
    node = machine({FLAGS_PATH: FILES[0][FLAGS_PATH].replace(OLD, RUNTIMES["docker"].socket)}, annotated=RUNTIMES["docker"].socket)
    bring(node, "containerd")
    assert not {"docker", "docker.socket", "cri-docker", "cri-docker.socket"} & (node.active | node.enabled)
    assert not node.links and "containerd" in node.active
    node = machine(FILES[0])
    bring(node, "docker")
    assert "containerd" in node.active & node.enabled and node.runtime == "docker"


def test_a_kubelet_with_dockershim_gets_its_first_socket(machine: Any) -> None:
    node = machine({FLAGS_PATH: 'KUBELET_KUBEADM_ARGS="--network-plugin=cni --v=2"\n'}, annotated="/var/run/dockershim.sock")
    assert read(node).runtime == change.DOCKERSHIM
    bring(node, "containerd")
    assert (
        node.files[FLAGS_PATH]
        == 'KUBELET_KUBEADM_ARGS="--container-runtime=remote --container-runtime-endpoint=%s --network-plugin=cni --v=2"\n' % OLD
    )
    assert any(what.startswith("docker rm --force") for what in node.did) and node.annotation == OLD


def test_nothing_is_touched_where_the_new_runtime_does_not_run_or_no_kubelet_is(machine: Any) -> None:
    node = machine(FILES[0])
    del node.files["/var/run/crio/crio.sock"]
    with pytest.raises(ChangeError, match="nothing was changed"):
        bring(node, "crio")
    assert node.did == []
    assert plan(read(machine({})), "crio") == []


def test_a_node_that_does_not_become_ready_keeps_the_mark_and_says_why(machine: Any) -> None:
    node = machine(FILES[0])
    node.files[FLAGS_PATH] = node.files[FLAGS_PATH]
    real = node.run
    node.run = lambda argv, **more: Result(1, "", "") if "get" in argv else real(argv, **more)
    with pytest.raises(ChangeError, match="the API does not answer.*next run goes on"):
        bring(node, "crio")
    assert json.loads(node.files[change.MARKER]) == {"from": "containerd", "to": "crio"}
