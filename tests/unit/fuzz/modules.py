"""Runs modules and actions with drawn arguments on a machine that can only be read."""

from __future__ import annotations

import errno
import functools
import gc
import importlib
import json
import os
import random
import socket
import sys
import time
import types
from contextlib import contextmanager
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

import pytest
from ansible.errors import AnsibleError
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host import refused
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import NEWEST_EXAMPLE
from fuzz import damage
from fuzz.samples import NODE, TEXTS
from module_arguments import COLLECTION, patch_module_args, specification

#: Texts that get further than others.
PLAUSIBLE = (
    "cp1", "10.0.0.1", "10.0.0.1:6443", "https://10.0.0.1:2379", "10.0.0.0/24", NEWEST_EXAMPLE, "1.33.6", "/nonexistent/a",
    "/proc/self/status", "abcdef.0123456789abcdef", "a" * 64, "sha256:" + "a" * 64, "kubernetes", "0644", "key: value\n",
    "- a\n- b\n", "[]", "{}", "tank/a",
    "/dev/disk/by-id/nvme-a", "registry.k8s.io/pause:3.10", "daily", "5m",
)  # fmt: skip
#: Options that say how long to wait.
PATIENCE = ("timeout", "wait", "seconds", "patience", "retries", "settle", "interval")


class Ended(BaseException):
    """The module's own end."""

    def __init__(self, failed: bool, result: Mapping[str, Any]) -> None:
        super().__init__(failed)
        self.failed = failed
        self.result = result


# --- arguments


def arguments(draw: random.Random, spec: Mapping[str, Any]) -> Dict[str, Any]:
    """Arguments by a specification: most of them of the right type, some not, some missing."""
    found = {}
    for name, option in spec.items():
        if draw.random() < (0.05 if option.get("required") else 0.5):
            continue
        found[name] = _value(draw, option, name)
    # Ansible itself takes no half characters.
    whole: Dict[str, Any] = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    return whole


def _value(draw: random.Random, option: Mapping[str, Any], name: str) -> Any:
    # Ansible itself breaks where it looks for options within what has none.
    if draw.random() < 0.05 and not option.get("options"):
        return _plain(draw)
    if option.get("choices") and draw.random() < 0.95:
        return draw.choice(list(option["choices"]))
    kind = option.get("type") or "str"
    if kind in ("list",):
        inner = {"type": option.get("elements") or "raw", "options": option.get("options")}
        return [_value(draw, inner, name) for _each in range(draw.choice((0, 1, 1, 2)))]
    if kind == "dict" and option.get("options"):
        return arguments(draw, option["options"])
    if kind == "dict":
        return {draw.choice(PLAUSIBLE): _plain(draw) for _each in range(draw.choice((0, 1, 2)))}
    if any(word in name for word in PATIENCE):
        return draw.choice((0, 0, 1, -1))
    if kind in ("int", "float"):
        return draw.choice((0, 1, -1, 7, 6443, 65536, 2**40))
    if kind == "bool":
        return draw.random() < 0.5
    if kind in ("str", "path"):
        return draw.choice(PLAUSIBLE) if draw.random() < 0.7 else damage.text(draw, PLAUSIBLE)
    return _plain(draw)


def _plain(draw: random.Random) -> Any:
    """Any value that YAML may have."""
    return damage.data(draw, [NODE, "a", 1, ["a"], {"name": "a"}]) if draw.random() < 0.5 else draw.choice(damage.VALUES)


# --- a machine that can only be read

_guarded: List[str] = []
_WRITES = (
    "os.mkdir",
    "os.rename",
    "os.remove",
    "os.rmdir",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.utime",
)
_READ_ONLY = os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY | os.O_NONBLOCK | getattr(os, "O_NOFOLLOW", 0)


def _audit(event: str, given: Tuple[Any, ...]) -> None:
    if not _guarded:
        return
    if event == "open":
        path, _mode, flags = given
        if isinstance(flags, int) and flags & ~_READ_ONLY & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND):
            _refuse(path)
    elif event in _WRITES:
        _refuse(given[0])
    elif event in ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.system"):
        raise FileNotFoundError(errno.ENOENT, "no such program", str(given[0]))
    elif event in ("socket.connect", "socket.bind"):
        raise ConnectionRefusedError(errno.ECONNREFUSED, "connection refused")
    elif event == "socket.getaddrinfo":
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
    elif event == "os.kill":
        raise PermissionError(errno.EPERM, "not permitted")


def _refuse(path: Any) -> None:
    if isinstance(path, (str, bytes, os.PathLike)) and os.fspath(path) not in ("/dev/null", b"/dev/null"):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))


sys.addaudithook(_audit)


class Clock:
    """Time that passes while somebody sleeps, and a little whenever somebody looks."""

    def __init__(self) -> None:
        self.spent = 0.0

    def sleep(self, seconds: float = 0.0) -> None:
        self.spent += max(0.01, float(seconds))

    def monotonic(self) -> float:
        self.spent += 0.001
        return 10_000.0 + self.spent

    def time(self) -> float:
        return 1_790_000_000.0 + self.monotonic()


@functools.lru_cache(maxsize=None)
def _sleepers(_known: int) -> List[Any]:
    """Functions of ours with a clock among their defaults."""
    clocks = (time.sleep, time.monotonic, time.time)
    return [
        one
        for one in gc.get_objects()
        if isinstance(one, types.FunctionType)
        and str(one.__module__).startswith(COLLECTION)
        and any(default in clocks for default in (getattr(one, "__defaults__", None) or ()) if callable(default))
    ]


@contextmanager
def only_readable(clock: Optional[Clock] = None) -> Iterator[None]:
    """Nothing is written, started or connected to while this lasts, and nobody waits."""
    clock = clock or Clock()
    instead: Dict[Any, Callable[..., Any]] = {time.sleep: clock.sleep, time.monotonic: clock.monotonic, time.time: clock.time}
    with pytest.MonkeyPatch.context() as patch:
        for one in _sleepers(len(sys.modules)):
            patch.setattr(
                one, "__defaults__", tuple(instead.get(value, value) if callable(value) else value for value in one.__defaults__)
            )
        patch.setattr(time, "sleep", clock.sleep)
        patch.setattr(time, "monotonic", clock.monotonic)
        _guarded.append("")
        try:
            yield
        finally:
            _guarded.pop()


# --- modules


def run_module(name: str, given: Mapping[str, Any], host: Any, check: bool) -> Ended:
    """How the module ends; what else it raises is its own fault."""
    code: Any = importlib.import_module(COLLECTION + "modules." + name)

    def end(failed: bool) -> Callable[..., None]:
        def ended(_module: AnsibleModule, *words: Any, **result: Any) -> None:
            raise Ended(failed, dict(zip(("msg",), words), **result))

        return ended

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AnsibleModule, "exit_json", end(False))
        patch.setattr(AnsibleModule, "fail_json", end(True))
        patch.setattr(refused, "fail", lambda fields: end(True)(None, **fields))
        if hasattr(code, "HostRunner"):
            patch.setattr(code, "HostRunner", lambda: host)
        with patch_module_args({**given, "_ansible_check_mode": check}), only_readable():
            try:
                code.main()
            except Ended as ended:
                return ended
    raise AssertionError("the module does not say how it ended")


def drawn_host(draw: random.Random) -> damage.Host:
    """A machine whose programs say this and that."""
    return damage.Host(draw, [*TEXTS.values(), json.dumps({"items": [NODE]}), json.dumps(NODE), "", "ok\n"])


def spec_of(name: str) -> Mapping[str, Any]:
    return _spec(name)


@functools.lru_cache(maxsize=None)
def _spec(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = specification(name)["argument_spec"]
    return found


def case(name: str, number: int) -> Tuple[Mapping[str, Any], damage.Host, bool]:
    """Arguments, a host, and whether it is a check."""
    draw = random.Random("%s %d" % (name, number))
    return arguments(draw, spec_of(name)), drawn_host(draw), draw.random() < 0.5


# --- actions


class _HostVars(Dict[str, Any]):
    """Ansible's variables of all hosts, as far as actions ask for them."""

    def raw_get(self, host: str) -> Any:
        return self.get(host, {})


ACTIONS = (
    "certificates_report",
    "diagnose_report",
    "drill_plan",
    "drill_record",
    "drill_report",
    "offline_plan",
    "topology_check",
    "upgrade_plan",
)
SEEN = {
    "seen": {
        "held_addresses": ["10.0.0.100"],
        "services": ["keepalived"],
        "static_pods": ["etcd"],
        "can_isolate": True,
        "etcd_leader": True,
        "left": None,
    },
    "item": "cp1",
}
FACTS = {
    "kubernetes_node": {
        "kubeadm": {"state": "control_plane"},
        "certificates": [
            {
                "path": "/etc/kubernetes/admin.conf",
                "subject": "a",
                "not_after": "2026-12-01T00:00:00Z",
                "not_before": "2025-12-01T00:00:00Z",
                "days_left": 3,
            }
        ],
        "packages": {"kubelet": "1.33.6"},
    }
}


def run_action(name: str, draw: random.Random, folder: str) -> Mapping[str, Any]:
    """What the action answers to drawn arguments and variables of hosts.

    :raises AnsibleError: it refuses them.
    """
    code: Any = importlib.import_module(COLLECTION + "action." + name)
    validator = ArgumentSpecValidator(code.ActionModule.ARGUMENTS)
    given = arguments(draw, code.ActionModule.ARGUMENTS)
    if "directory" in code.ActionModule.ARGUMENTS and draw.random() < 0.9:
        given["directory"] = folder
    checked = validator.validate(given)
    if checked.error_messages:
        raise AnsibleError("; ".join(checked.error_messages))
    action = object.__new__(code.ActionModule)
    action._task = types.SimpleNamespace(check_mode=draw.random() < 0.5, args=given, diff=False)
    action._loader = DataLoader()
    hosts = ["cp1", "cp2", "worker1"]
    variables = {
        host: damage.data(
            draw, [{"ansible_facts": FACTS, "drill_look": SEEN, "node_name": host, "cluster_kubernetes_version": "1.33.6"}]
        )
        for host in hosts
    }
    groups = {"control_plane": hosts[:2], "workers": hosts[2:], "all": hosts}
    result: Mapping[str, Any] = action.answer(checked.validated_parameters, {"hostvars": _HostVars(variables), "groups": groups})
    return result
