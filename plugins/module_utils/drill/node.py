# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fault on this node, and how it is undone: by the drill, by a timer of systemd that is armed before, or at the next boot.

All three run the same script, which is on the node before anything is killed.
"""

from __future__ import annotations

import json
import shlex
import time
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.drill.faults import (
    FAULTS,
    ISOLATE,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import read_settings
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import WantedFile, apply_now
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.services import parse_properties, unit_name
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.health import read_apiserver, read_etcd
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import MANIFESTS, parse_flags
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.network import parse_addresses, parse_json_list
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.processes import command_lines
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

#: Not below /run: after a loss of power the marker must still be there.
STATE = "/var/lib/baremetal-kubernetes/drill"
MARKER = STATE + "/fault.json"
SCRIPT = STATE + "/revert"
UNIT = "baremetal-kubernetes-drill-revert"
SERVICE_FILE = "/etc/systemd/system/%s.service" % UNIT
#: Gone with a boot, at which the service itself runs.
TIMER_FILE = "/run/systemd/system/%s.timer" % UNIT
TABLE = "baremetal_kubernetes_drill"
CHAINS = (("BAREMETAL-DRILL-IN", "PREROUTING", "-i", "--dport"), ("BAREMETAL-DRILL-OUT", "POSTROUTING", "-o", "--sport"))
#: What stays within the node: probes of its kubelet must not make the pods restart, since a host without network does not die.
INNER = ("lo", "cni*", "cbr*", "cali*", "lxc*", "cilium*", "flannel*", "docker*")
PAUSE = 0.5


class Wanted(NamedTuple):
    """What shall be killed on this node."""

    name: str
    action: str
    services: Sequence[str] = ()
    pod: str = ""
    addresses: Sequence[str] = ()
    revert_after: int = 120
    ssh_port: int = 22


class Plan(NamedTuple):
    """``files`` arm the switch and hold the services; ``commands`` are the fault itself; ``script`` undoes all of it."""

    files: Sequence[WantedFile]
    arm: Sequence[Sequence[str]]
    commands: Sequence[Tuple[Sequence[str], str]]
    script: str
    steps: Sequence[str]


def look(runner: Runner, virtual_address: str) -> Dict[str, Any]:
    """held_addresses, services, static_pods, can_isolate, etcd_leader, and left: the fault that an earlier drill left, or None."""
    known = sorted({service for fault in FAULTS for way in fault.ways for service in way.services})
    etcd = read_etcd(runner)
    # A member of external etcd has its settings in a file of its own.
    flags = read_settings(runner) or parse_flags(runner.read(MANIFESTS + "/etcd.yaml") or "")
    name = flags.get("name", "")
    leader = [member["name"] for member in (etcd or {}).get("members", []) if member["id"] == (etcd or {}).get("leader")]
    return {
        "held_addresses": [virtual_address] if virtual_address and _held(runner, virtual_address) else [],
        "services": _active(runner, known),
        "static_pods": [file[: -len(".yaml")] for file in runner.list_dir(MANIFESTS) if file.endswith(".yaml")],
        "can_isolate": bool(_firewall(runner)),
        "etcd_leader": bool(name) and name in leader,
        "left": read_marker(runner),
    }


def read_marker(runner: Runner) -> Optional[Dict[str, Any]]:
    """The fault that is in force here; a damaged marker still is one."""
    text = runner.read(MARKER)
    if text is None:
        return None
    try:
        data = from_json(text)
    except ValueError:
        data = None
    return data if isinstance(data, dict) else {"name": "unknown"}


def plan(runner: Runner, wanted: Wanted) -> Plan:
    """All that is done, in order.

    :raises HostStateError: the node does not have what is to be killed.
    """
    commands: List[Tuple[Sequence[str], str]] = []
    undo: List[str] = []
    files = []
    if wanted.action == ISOLATE:
        rules, words, undo_rules = _isolation(runner, [wanted.ssh_port] + ssh_ports(runner))
        commands += [(rule, words) for rule in rules]
        undo += undo_rules
    for service in wanted.services:
        unit = unit_name(service)
        folder = "/run/systemd/system/%s.d" % unit
        dropin = "%s/zz-baremetal-kubernetes-drill.conf" % folder
        # A runtime mask would be overruled by a unit in /etc. This drop-in is not, and a boot removes it.
        files.append(WantedFile(folder, state="directory", mode="0755"))
        files.append(WantedFile(dropin, content="[Unit]\nConditionPathExists=!%s\n[Service]\nRestart=no\n" % MARKER))
        commands.append((["systemctl", "kill", "--signal=SIGKILL", unit], "SIGKILL to all of %s, which stays down" % unit))
        undo += [
            "rm -f %s" % shlex.quote(dropin),
            "rmdir --ignore-fail-on-non-empty %s 2>/dev/null || :" % shlex.quote(folder),
        ]
    for address in wanted.addresses:
        for interface, prefix in _held(runner, address):
            argv = ["ip", "address", "delete", "%s/%d" % (address, prefix), "dev", interface]
            commands.append((argv, "take %s from %s, as the loss of power would" % (address, interface)))
    if wanted.pod:
        pod_commands, undo_pod = _static_pod(runner, wanted.pod)
        commands += pod_commands
        undo += undo_pod
    if not commands:
        raise HostStateError(
            wanted.name, "there is nothing to kill on this node", "look at what module drill_fault with state=look says"
        )
    starts = ["systemctl daemon-reload || failed=1"] + [
        # Without waiting: at boot this script runs before the services, which would wait for it.
        "systemctl reset-failed %(unit)s 2>/dev/null; systemctl start --no-block %(unit)s || failed=1"
        % {"unit": unit_name(service)}
        for service in wanted.services
    ]
    script = _script(undo, starts if wanted.services else [])
    marker = dict(wanted._asdict(), at=int(runner.now()), services=list(wanted.services), addresses=list(wanted.addresses))
    armed = [
        WantedFile(STATE, state="directory", mode="0700"),
        WantedFile(SCRIPT, content=script, mode="0700"),
        WantedFile(SERVICE_FILE, content=_SERVICE),
        WantedFile("/run/systemd/system", state="directory", mode="0755"),
        WantedFile(TIMER_FILE, content=_TIMER % wanted.revert_after),
        # Last: with the marker there, everything that undoes the fault is there, too.
        WantedFile(MARKER, content=json.dumps(marker, sort_keys=True) + "\n", mode="0600"),
    ]
    arm = [
        ["systemctl", "daemon-reload"],
        ["systemctl", "enable", "--quiet", UNIT + ".service"],
        ["systemctl", "start", UNIT + ".timer"],
    ]
    steps = ["undo everything after %d s, or at the next boot" % wanted.revert_after]
    for _argv, text in commands:
        if text not in steps:
            steps.append(text)
    return Plan(armed + files, arm, commands, script, steps)


def inject(runner: Runner, planned: Plan) -> None:
    """Arm the switch, then do the fault. Whatever fails on the way is undone at once.

    :raises HostStateError: the fault could not be done.
    """
    for wanted in planned.files:
        apply_now(runner, wanted)
    for argv in planned.arm:
        result = runner.run(argv, timeout=60)
        if result.rc != 0:
            _undo_at_once(runner)
            raise HostStateError(
                " ".join(argv), result.stderr or "exit code %d" % result.rc, "without the switch nothing is killed; look at systemd"
            )
    for argv, text in planned.commands:
        stdin = None
        if argv[0] == "nft":
            argv, stdin = argv[:-1], argv[-1]
        result = runner.run(argv, timeout=30, stdin=stdin)
        if result.rc != 0:
            _undo_at_once(runner)
            raise HostStateError(text, result.stderr or "exit code %d" % result.rc, "everything was undone; mend what this names")


def wait_until_gone(
    runner: Runner,
    wanted: Wanted,
    seconds: float = 10.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Returns when what was killed is really gone.

    :raises HostStateError: it runs on; the fault was undone.
    """
    end = clock() + seconds
    while True:
        alive = list(wanted.services) if _active(runner, wanted.services) else []
        alive += ["static pod %s" % wanted.pod] if wanted.pod and processes(runner, wanted.pod) else []
        if not alive:
            return
        if clock() >= end:
            _undo_at_once(runner)
            raise HostStateError(wanted.name, "%s still runs after SIGKILL" % ", ".join(alive), "look at who started it again")
        sleep(PAUSE)


def restore(runner: Runner) -> bool:
    """Undo the fault that is in force here; False where there is none.

    :raises HostStateError: it could not be undone.
    """
    if read_marker(runner) is None:
        return False
    result = runner.run(["/bin/sh", SCRIPT], timeout=120)
    if result.rc != 0 or runner.exists(MARKER):
        raise HostStateError(
            "undoing the fault %s" % (read_marker(runner) or {}).get("name", ""),
            (result.stderr.strip() or "exit code %d" % result.rc),
            "run /bin/sh %s on this node by hand; a reboot does the same" % SCRIPT,
        )
    return True


def wait_until_back(
    runner: Runner,
    services: Sequence[str],
    pod: str,
    seconds: float,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> str:
    """What is still missing when the services run and the pod answers again, or ``seconds`` are over: empty for all is well."""
    end = clock() + seconds
    while True:
        missing = _missing(runner, services, pod)
        if not missing or clock() >= end:
            return missing
        sleep(PAUSE)


def _missing(runner: Runner, services: Sequence[str], pod: str) -> str:
    active = _active(runner, services)
    down = [name for name in services if name not in active]
    if down:
        return "service %s is not active" % ", ".join(down)
    if not pod:
        return ""
    if not processes(runner, pod):
        return "static pod %s does not run" % pod
    if pod == "kube-apiserver":
        answer = read_apiserver(runner)
        return "" if answer["ready"] else str(answer["message"])
    if pod == "etcd":
        etcd = read_etcd(runner) or {}
        return "" if etcd.get("healthy") else str(etcd.get("message") or "etcd is not healthy")
    return ""


def processes(runner: Runner, pod: str) -> List[int]:
    """The processes of a static pod: same program and same flags as in its manifest, so that nobody else's is killed."""
    manifest = runner.read("%s/%s.yaml" % (MANIFESTS, pod)) or runner.read(_saved(pod)) or ""
    flags = parse_flags(manifest)
    found = []
    for pid, arguments in command_lines(runner, pod):
        given = dict(argument[2:].partition("=")[::2] for argument in arguments if argument.startswith("--"))
        if flags and all(given.get(name) == value for name, value in flags.items()):
            found.append(pid)
    return sorted(found)


def ssh_ports(runner: Runner) -> List[int]:
    """The server's ports of the SSH connection that this process came by; sudo hides it from the environment, /proc does not."""
    process, ports = "self", []
    for _generation in range(12):
        environment = (runner.read("/proc/%s/environ" % process) or "").split("\0")
        for entry in environment:
            if entry.startswith("SSH_CONNECTION="):
                ports.append(int(entry.split()[-1]))
        status = runner.read("/proc/%s/status" % process) or ""
        parents = [line.split()[1] for line in status.splitlines() if line.startswith("PPid:")]
        if not parents or parents[0] in ("0", "1"):
            break
        process = parents[0]
    return sorted(set(ports))


def nft_rules(ports: Sequence[int]) -> str:
    """A table that lets nothing in or out but SSH."""
    inner = ", ".join('"%s"' % name for name in INNER)
    numbers = ", ".join(str(port) for port in sorted(set(ports)))
    return (
        "table inet %(table)s {\n"
        "  chain in {\n    type filter hook prerouting priority -150; policy drop;\n"
        "    iifname { %(inner)s } accept\n    tcp dport { %(ports)s } accept\n"
        "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-advert } accept\n  }\n"
        "  chain out {\n    type filter hook postrouting priority -150; policy drop;\n"
        "    oifname { %(inner)s } accept\n    tcp sport { %(ports)s } accept\n"
        "    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit } accept\n  }\n}\n"
    ) % {"table": TABLE, "inner": inner, "ports": numbers}


def iptables_rules(program: str, ports: Sequence[int]) -> List[List[str]]:
    """The same in the table mangle, for nodes without nft. The jump comes last, so that no half of it is ever in force."""
    call = [program, "-w", "5", "-t", "mangle"]
    rules: List[List[str]] = []
    for chain, _hook, direction, side in CHAINS:
        rules.append(call + ["-N", chain])
        for name in INNER:
            rules.append(call + ["-A", chain, direction, name.replace("*", "+"), "-j", "ACCEPT"])
        for port in sorted(set(ports)):
            rules.append(call + ["-A", chain, "-p", "tcp", side, str(port), "-j", "ACCEPT"])
        if program.startswith("ip6"):
            for kind in ("neighbour-solicitation", "neighbour-advertisement", "router-advertisement", "router-solicitation"):
                rules.append(call + ["-A", chain, "-p", "ipv6-icmp", "--icmpv6-type", kind, "-j", "ACCEPT"])
        rules.append(call + ["-A", chain, "-j", "DROP"])
    return rules + [call + ["-I", hook, "1", "-j", chain] for chain, hook, _direction, _side in CHAINS]


def _isolation(runner: Runner, ports: Sequence[int]) -> Tuple[List[List[str]], str, List[str]]:
    words = "drop every packet from and to other machines but SSH's (port %s)" % ", ".join(map(str, sorted(set(ports))))
    firewall = _firewall(runner)
    if not firewall:
        raise HostStateError(
            "the node's network",
            "neither nft nor iptables is there to cut it off",
            "install nftables, or set drill_power_off_command",
        )
    if firewall == ["nft"]:
        undo = ["if nft list table inet %s >/dev/null 2>&1; then nft delete table inet %s || failed=1; fi" % (TABLE, TABLE)]
        # The last element goes to standard input.
        return [["nft", "-f", "-", nft_rules(ports)]], words, undo
    rules = [rule for program in firewall for rule in iptables_rules(program, ports)]
    undo = []
    for program in firewall:
        call = "%s -w 5 -t mangle" % program
        for chain, hook, _direction, _side in CHAINS:
            undo.append("while %s -D %s -j %s 2>/dev/null; do :; done" % (call, hook, chain))
            undo.append("%s -F %s 2>/dev/null; %s -X %s 2>/dev/null || :" % (call, chain, call, chain))
            undo.append("if %s -S %s >/dev/null 2>&1; then failed=1; fi" % (call, chain))
    return rules, words, undo


def _firewall(runner: Runner) -> List[str]:
    # The program may be there on a kernel without the family inet: only the kernel's own word counts.
    if runner.which("nft") and runner.run(["nft", "--check", "-f", "-"], timeout=10, stdin="table inet %s {}\n" % TABLE).rc == 0:
        return ["nft"]
    found = [program for program in ("iptables", "ip6tables") if runner.which(program)]
    # A kernel without IPv6 has the program and no table.
    usable = [program for program in found if runner.run([program, "-w", "5", "-t", "mangle", "-S"], timeout=10).rc == 0]
    return usable if "iptables" in usable else []


def _static_pod(runner: Runner, pod: str) -> Tuple[List[Tuple[Sequence[str], str]], List[str]]:
    manifest = "%s/%s.yaml" % (MANIFESTS, pod)
    running = processes(runner, pod)
    if not running:
        raise HostStateError("static pod %s" % pod, "no process runs with the flags of %s" % manifest, "look why: crictl ps -a")
    saved = _saved(pod)
    commands: List[Tuple[Sequence[str], str]] = [
        # The kill comes first: a kubelet that misses the manifest would end the pod in good order.
        (
            ["kill", "-KILL"] + [str(number) for number in running],
            "SIGKILL to %s (process %s)" % (pod, ", ".join(map(str, running))),
        ),
        (["mv", "--", manifest, saved], "keep %s away, so that the kubelet does not start it again" % manifest),
    ]
    undo = [
        "if [ -e %(saved)s ]; then"
        " if [ -e %(manifest)s ]; then mv -- %(saved)s %(saved)s.superseded; else mv -- %(saved)s %(manifest)s; fi || failed=1; fi"
        % {"saved": shlex.quote(saved), "manifest": shlex.quote(manifest)}
    ]
    return commands, undo


def _saved(pod: str) -> str:
    return "%s/%s.yaml" % (STATE, pod)


def _script(undo: Sequence[str], starts: Sequence[str]) -> str:
    lines = ["#!/bin/sh", "# Written by baremetal.kubernetes: undoes the fault of a drill. It may run twice.", "failed=0"]
    lines += ["export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
    lines += undo
    # Before the services start: their condition asks for the marker. A script that failed puts it back, for the next drill to see.
    lines += ["mv -f %s %s.undone 2>/dev/null || :" % (MARKER, MARKER)]
    lines += starts
    lines += [
        'if [ "$failed" -ne 0 ]; then mv -f %s.undone %s 2>/dev/null; echo "the fault could not be undone" >&2; exit 1; fi'
        % (MARKER, MARKER),
        "systemctl stop %s.timer 2>/dev/null" % UNIT,
        "systemctl disable --quiet %s.service 2>/dev/null" % UNIT,
        "rm -f %s %s %s.undone %s" % (SERVICE_FILE, TIMER_FILE, MARKER, SCRIPT),
        "systemctl daemon-reload",
        "exit 0",
    ]
    return "\n".join(lines) + "\n"


def _undo_at_once(runner: Runner) -> None:
    runner.run(["/bin/sh", SCRIPT], timeout=120)


def _active(runner: Runner, names: Sequence[str]) -> List[str]:
    """Those of the services that run, by one call."""
    if not names:
        return []
    result = runner.run(["systemctl", "show", "--property=Id,ActiveState", "--"] + [unit_name(name) for name in names], timeout=30)
    active = set()
    for section in result.stdout.split("\n\n"):
        properties: Mapping[str, str] = parse_properties(section)
        if properties.get("ActiveState") in ("active", "reloading"):
            active.add(properties.get("Id", ""))
    return [name for name in names if unit_name(name) in active]


def _held(runner: Runner, address: str) -> List[Tuple[str, int]]:
    """(interface, prefix) of an address; not the loopback, where real servers behind LVS have it for good."""
    links = parse_json_list(runner.run(["ip", "-json", "address", "show"], timeout=10).stdout)
    return [
        (str(entry["interface"]), int(entry["prefix"]))
        for entry in parse_addresses(links)
        if entry["address"] == address and entry["interface"] != "lo"
    ]


_SERVICE = (
    """# Written by baremetal.kubernetes for the time of a drill's fault.
[Unit]
Description=Undo the fault of a drill
After=local-fs.target
Before=kubelet.service

[Service]
Type=oneshot
ExecStart=/bin/sh %s

[Install]
WantedBy=multi-user.target
"""
    % SCRIPT
)

_TIMER = """# Written by baremetal.kubernetes for the time of a drill's fault.
[Unit]
Description=Undo the fault of a drill when nobody else has

[Timer]
OnActiveSec=%d
AccuracySec=1s
"""
