#!/usr/bin/env python3
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbook stacked_ha against a plain script that does the same work over SSH (plain.sh), each on blank nodes, in one run.

Writes report.md, report.json and the logs to tests/output/bench. A slow figure is reported, never an error: the exit code
is 1 only where a run broke, left a cluster that is not whole, or changed something the second time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "tests" / "output" / "bench"
SSH = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "baremetal-kubernetes-lab" / "ssh"
# Nodes of its own, at addresses of their own: a lab that somebody works with stays as it is.
OWN_PREFIX = "10.89.76."
PATIENCE = 1800  # seconds for one build of a cluster

# figure -> (what it is, the most that is wanted, unit)
WANTED = {
    "fresh_ratio": ("fresh cluster, playbook / plain script", 1.0, ""),
    "second_ratio": ("second run / first run of the playbook", 0.10, ""),
    "first_tasks": ("tasks executed per host, first run (the most of any host)", 60, ""),
    "second_tasks": ("tasks executed per host, second run (the most of any host)", 20, ""),
    "topology_1000": ("topology_check of 1,000 hosts", 10.0, " s"),
}


class BrokenRun(Exception):
    """A run that ended badly: its figures mean nothing."""


class Nodes(NamedTuple):
    """The nodes of an inventory: addresses by name, in the inventory's order."""

    inventory: Path
    control_planes: dict[str, str]
    workers: dict[str, str]
    vip: str

    @property
    def first(self) -> str:
        """Address of the control plane that is initialised."""
        return next(iter(self.control_planes.values()))

    @property
    def number(self) -> int:
        """How many they are."""
        return len(self.control_planes) + len(self.workers)


class Figures(NamedTuple):
    """What one run took."""

    seconds: float
    phases: list[tuple[str, float]]
    #: share of the machine's processors that was busy, and the load before the run
    busy: float
    load_before: float
    tasks: dict[str, int] = {}
    changed: int = 0
    slowest: list[tuple[str, float]] = []


def own_inventory(template: Path, folder: Path, workers: int) -> Path:
    """A copy of an inventory, for nodes of the bench's own: only the addresses and the number of workers differ."""
    subnet = yaml.safe_load((template / "hosts.yml").read_text())["all"]["vars"]["lab_subnet"]
    prefix = subnet.rsplit(".", 1)[0] + "."
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(template, folder, ignore=shutil.ignore_patterns("kubeconfig-*"))
    for path in folder.rglob("*.yml"):
        path.write_text(path.read_text().replace(prefix, OWN_PREFIX))
    hosts = yaml.safe_load((folder / "hosts.yml").read_text())
    names = {f"worker{number}": {"ansible_host": f"{OWN_PREFIX}{20 + number}"} for number in range(1, workers + 1)}
    hosts["all"]["children"]["workers"]["hosts"] = names
    (folder / "hosts.yml").write_text(yaml.safe_dump(hosts, sort_keys=False))
    return folder


def read_nodes(inventory: Path) -> Nodes:
    """The nodes that hosts.yml and group_vars/all.yml describe."""
    groups = yaml.safe_load((inventory / "hosts.yml").read_text())["all"]["children"]
    variables = yaml.safe_load((inventory / "group_vars" / "all.yml").read_text())
    control_planes, workers = (
        {host: str(values["ansible_host"]) for host, values in groups.get(group, {}).get("hosts", {}).items()}
        for group in ("control_plane", "workers")
    )
    return Nodes(inventory, control_planes, workers, str(variables["cluster_vip"]))


# --- The machine ------------------------------------------------------------------------------------------------------------------


def run(argv: list[Any], log: Path, environment: dict[str, str] | None = None) -> float:
    """Seconds that a command took; what it says goes to the log. BrokenRun with its last words when it fails."""
    command = [str(word) for word in argv]
    start = time.monotonic()
    with log.open("w") as file:
        try:
            result = subprocess.run(
                command,
                cwd=ROOT,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise BrokenRun(f"{log.stem} did not end within {PATIENCE} s; what it said: {log}") from None
    seconds = time.monotonic() - start
    if result.returncode != 0:
        words = "\n  ".join(log.read_text().splitlines()[-30:])
        raise BrokenRun(f"{log.stem} failed ({result.returncode}); the whole of what it said: {log}\n  {words}")
    return seconds


class Meter:
    """How busy the machine's processors are while something runs."""

    def __init__(self) -> None:
        self.load_before = os.getloadavg()[0]
        self.start = self._times()

    @staticmethod
    def _times() -> list[int]:
        with open("/proc/stat", encoding="ascii") as file:
            return [int(word) for word in file.readline().split()[1:]]

    def busy(self) -> float:
        """Share of the processors' time since the start that was not idle (proc_stat(5): idle and iowait are the 4th and 5th)."""
        passed = [after - before for after, before in zip(self._times(), self.start)]
        return 1 - (passed[3] + passed[4]) / max(1, sum(passed[:8]))


def settle(most: int = 300, share: float = 0.4) -> None:
    """Wait until the processors are less than ``share`` busy over ten seconds: a second run is one of another day."""
    started = time.monotonic()
    while True:
        meter = Meter()
        time.sleep(10)
        busy, waited = meter.busy(), time.monotonic() - started
        if busy < share or waited > most:
            say(f"the cluster came to rest in {waited:.0f} s: the processors are {busy:.0%} busy without a playbook")
            return


def lab(command: str, nodes: Nodes) -> None:
    """A command of the lab for the nodes."""
    run([sys.executable, "tests/lab/lab.py", command, nodes.inventory], OUTPUT / f"lab-{command}.log")


def on(nodes: Nodes, script: str) -> str:
    """What a command says on the first control plane."""
    argv = ["ssh", "-i", SSH / "id_ed25519", "-o", f"UserKnownHostsFile={SSH / 'known_hosts'}", "-o", "BatchMode=yes"]
    argv += [f"root@{nodes.first}", script]
    result = subprocess.run([str(word) for word in argv], capture_output=True, text=True, timeout=120, check=False)
    if result.returncode != 0:
        raise BrokenRun(f"on {nodes.first}: {script}\n  {result.stderr.strip()[-2000:]}")
    return result.stdout


def blank(nodes: Nodes) -> None:
    """Fresh nodes, and the same start for both sides: nothing left to be written, the bundle in the machine's memory."""
    say("blank nodes")
    lab("blank", nodes)
    on(nodes, "cat /opt/kubernetes-bundle/bin/* /opt/kubernetes-bundle/cni/* /opt/kubernetes-bundle/images/* > /dev/null")
    os.sync()


def inspect(nodes: Nodes) -> None:
    """BrokenRun unless the cluster is whole: both sides must have done the work."""
    kubectl = "kubectl --kubeconfig /etc/kubernetes/admin.conf"
    ready = 'jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}'
    states = dict(line.split() for line in on(nodes, f"{kubectl} get nodes -o '{ready}'").splitlines())
    for node in [*nodes.control_planes, *nodes.workers]:
        if states.get(node) != "True":
            raise BrokenRun(f"node {node} is {'not Ready' if node in states else 'not in the cluster'}: {states}")
    members = on(nodes, f"{kubectl} -n kube-system get pods -l component=etcd -o name").split()
    if len(members) != len(nodes.control_planes):
        raise BrokenRun(f"{len(nodes.control_planes)} etcd members were wanted, there are: {members}")
    on(nodes, f"curl -sSf --cacert /etc/kubernetes/pki/ca.crt https://{nodes.vip}:8443/readyz")
    routes = on(nodes, "ip route show").count("10.244.")
    if routes < len(states) - 1:
        raise BrokenRun(f"{nodes.first} has {routes} routes to the pods of the {len(states) - 1} other nodes")


def say(text: str) -> None:
    """One line about what the bench does now."""
    print(f"bench: {text}", flush=True)


# --- The two sides ----------------------------------------------------------------------------------------------------------------


def plain(nodes: Nodes, number: int) -> Figures:
    """plain.sh on blank nodes."""
    argv: list[Any] = [ROOT / "tests" / "bench" / "plain.sh", "-i", SSH / "id_ed25519", "-n", SSH / "known_hosts", "-v", nodes.vip]
    argv += ["-k", nodes.inventory / "kubeconfig-plain.cfg"]
    for letter, hosts in (("-c", nodes.control_planes), ("-w", nodes.workers)):
        for host, address in hosts.items():
            argv += [letter, f"{host}={address}"]
    log = OUTPUT / f"plain-{nodes.number}-{number}.log"
    meter = Meter()
    seconds = run(argv, log)
    busy = meter.busy()
    phases = [(name, float(took)) for name, took in re.findall(r"^phase (\S+) ([0-9.]+)$", log.read_text(), re.MULTILINE)]
    inspect(nodes)
    say(f"plain script {seconds:.1f} s")
    return Figures(seconds, [phase for phase in phases if phase[0] != "total"], busy, meter.load_before)


def ansible(nodes: Nodes, name: str, number: int) -> Figures:
    """The playbook, whatever the nodes' state; the connections are its own, as those of a run on another day."""
    log = OUTPUT / f"{name}-{nodes.number}-{number}.log"
    record = OUTPUT / f"{name}-{nodes.number}-{number}.json"
    record.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as control_path:
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "bench" / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "bench_record",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": control_path,
            "ANSIBLE_NOCOLOR": "1",
            "BENCH_RECORD": str(record),
        }
        meter = Meter()
        start = time.time()
        try:
            seconds = run(["ansible-playbook", "--inventory", nodes.inventory, "playbooks/stacked_ha.yml"], log, environment)
        finally:
            for control in Path(control_path).iterdir():
                subprocess.run(["ssh", "-O", "exit", "-o", f"ControlPath={control}", "-"], capture_output=True, check=False)
        busy = meter.busy()
    recorded = json.loads(record.read_text())
    inspect(nodes)
    hosts = recorded["hosts"]
    figures = Figures(
        seconds,
        phases_of(recorded, start, seconds),
        busy,
        meter.load_before,
        {host: counts["ok"] for host, counts in sorted(hosts.items())},
        sum(counts["changed"] for counts in hosts.values()),
        slowest_of(recorded),
    )
    say(f"playbook, {name} run {seconds:.1f} s, tasks {figures.tasks}, changed {figures.changed}")
    return figures


def with_ends(recorded: dict[str, Any]) -> list[tuple[dict[str, Any], float]]:
    """Tasks, each with its seconds: until the next task or play starts."""
    tasks = recorded["tasks"]
    starts = sorted([task["start"] for task in tasks] + [play["start"] for play in recorded["plays"]] + [recorded["end"]])
    return [(task, next((start for start in starts if start > task["start"]), recorded["end"]) - task["start"]) for task in tasks]


def phases_of(recorded: dict[str, Any], start: float, seconds: float) -> list[tuple[str, float]]:
    """Seconds by play and role, in the order of the run, with Ansible's own start and end."""
    plays = recorded["plays"]
    phases: dict[str, float] = {"(start of ansible-playbook)": plays[0]["start"] - start}
    for task, took in with_ends(recorded):
        name = plays[task["play"]]["name"] + (f" / {task['role']}" if task["role"] else "")
        phases[name] = phases.get(name, 0) + took
    phases["(between tasks, and the end)"] = seconds - sum(phases.values())
    return list(phases.items())


def slowest_of(recorded: dict[str, Any]) -> list[tuple[str, float]]:
    """The ten tasks that took longest."""
    timed = [(f"{task['role']}: {task['name']}" if task["role"] else task["name"], took) for task, took in with_ends(recorded)]
    return sorted(timed, key=lambda task: -task[1])[:10]


def topology_1000() -> float:
    """Seconds that topology_check takes for 1,000 hosts."""
    log = OUTPUT / "topology_1000.log"
    # The limit is judged here; what is left for its exit code to say is whether it worked.
    argv = [sys.executable, "tests/bench/topology_1000.py", "--limit", "1000000"]
    run(argv, log, {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})
    found = re.search(r"hosts: ([0-9.]+) s", log.read_text())
    if not found:
        raise BrokenRun(f"topology_1000.py did not say how long it took: {log}")
    return float(found.group(1))


# --- The report -------------------------------------------------------------------------------------------------------------------

SIDES = {"plain": "plain script", "first": "playbook, first run", "second": "playbook, second run"}
Rounds = list[dict[str, Figures]]
#: By number of nodes; the first is what most of the report is about.
Sizes = dict[int, Rounds]


def median(rounds: Rounds, side: str) -> float | None:
    """Median of a side's seconds."""
    seconds = [sides[side].seconds for sides in rounds if side in sides]
    return statistics.median(seconds) if seconds else None


def figures_of(rounds: Rounds, topology_seconds: float | None) -> dict[str, float]:
    """The figures that something is wanted of; those that were measured."""
    plain_seconds, first, second = (median(rounds, side) for side in SIDES)
    figures: dict[str, float | None] = {
        "fresh_ratio": first / plain_seconds if first and plain_seconds else None,
        "second_ratio": second / first if first and second else None,
        "topology_1000": topology_seconds,
    }
    for side in ("first", "second"):
        counts = [count for sides in rounds if side in sides for count in sides[side].tasks.values()]
        figures[f"{side}_tasks"] = max(counts) if counts else None
    return {name: figure for name, figure in figures.items() if figure is not None}


def table(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first are figures."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    lines = [
        [cell.ljust(width) if not column else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths))]
        for row in [header, ["-" * widths[0]] + ["-" * (width - 1) + ":" for width in widths[1:]], *rows]
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def growth(sizes: Sizes) -> str:
    """What a cluster of more nodes takes: medians of each side."""
    rows = []
    for nodes, rounds in sizes.items():
        medians = [median(rounds, side) for side in SIDES]
        figures = figures_of(rounds, None)
        ratios = [figures.get(name) for name in ("fresh_ratio", "second_ratio")]
        rows.append([str(nodes), *("-" if one is None else f"{one:.1f}" for one in medians)])
        rows[-1] += ["-" if one is None else f"{one:.2f}" for one in ratios]
    return table(["nodes", *SIDES.values(), "first / plain", "second / first"], rows)


def markdown(sizes: Sizes, figures: dict[str, float]) -> str:
    """The report for people."""
    nodes, rounds = next(iter(sizes.items()))
    wanted = []
    for name, (text, limit, unit) in WANTED.items():
        if name in figures:
            figure = f"{figures[name]:.2f}" if isinstance(figures[name], float) else str(figures[name])
            wanted.append([text, figure + unit, f"<= {limit:g}{unit}", "yes" if figures[name] <= limit else "NO"])
    parts = [
        "# Bench: stacked_ha against a plain script\n",
        f"{os.cpu_count()} processors, {platform.release()}, {time.strftime('%Y-%m-%d %H:%M')}. All times in seconds. "
        "The plain script and the playbook's first run begin on blank nodes.\n"
        f"Both sides build the same cluster on nodes of the same image: {nodes} nodes, where nothing else is said.\n",
    ]
    if wanted:
        parts.append(table(["figure", "measured", "wanted", "reached"], wanted))
    totals = []
    for side, text in SIDES.items():
        runs = [sides[side] for sides in rounds if side in sides]
        if runs:
            each = ", ".join(f"{one.seconds:.1f}" for one in runs)
            totals.append(
                [
                    text,
                    f"{median(rounds, side):.1f}",
                    each,
                    ", ".join(f"{one.busy:.0%}" for one in runs),
                    ", ".join(f"{one.load_before:.1f}" for one in runs),
                ]
            )
    parts += ["## Totals\n", table(["side", "median", "each round", "processors busy", "load before"], totals)]
    for side, text in SIDES.items():
        runs = [sides[side] for sides in rounds if side in sides]
        if not runs:
            continue
        names = list(dict.fromkeys(name for one in runs for name, _took in one.phases))
        rows = [[name] + [f"{dict(one.phases).get(name, 0):.1f}" for one in runs] for name in names]
        parts += [f"## Phases: {text}\n", table(["phase"] + [f"round {number}" for number in range(1, len(runs) + 1)], rows)]
        if runs[-1].slowest:
            hosts = list(runs[-1].tasks)
            parts += [
                table(["tasks executed", *hosts], [[text, *(str(runs[-1].tasks[host]) for host in hosts)]]),
                table(["slowest tasks, last round", "seconds"], [[name, f"{took:.1f}"] for name, took in runs[-1].slowest]),
            ]
    if len(sizes) > 1:
        parts += ["## Growth with the nodes\n", growth(sizes)]
    return "\n".join(parts)


def write_report(sizes: Sizes, topology_seconds: float | None) -> None:
    """report.json and report.md, and the latter to the screen."""
    figures = figures_of(next(iter(sizes.values())), topology_seconds)
    data = {
        "figures": figures,
        "wanted": {name: limit for name, (_text, limit, _unit) in WANTED.items()},
        "rounds": {
            nodes: [{side: one._asdict() for side, one in sides.items()} for sides in rounds] for nodes, rounds in sizes.items()
        },
    }
    (OUTPUT / "report.json").write_text(json.dumps(data, indent=1) + "\n")
    (OUTPUT / "report.md").write_text(markdown(sizes, figures))
    print((OUTPUT / "report.md").read_text())
    say(f"the report is in {OUTPUT}")


# --- The order of things ----------------------------------------------------------------------------------------------------------


def measure(nodes: Nodes, sides: list[str], number: int, measured: dict[str, Figures]) -> None:
    """One round: each side on blank nodes; who begins changes from round to round."""
    for side in sides if number % 2 else reversed(sides):
        blank(nodes)
        if side == "plain":
            measured["plain"] = plain(nodes, number)
            continue
        measured["first"] = ansible(nodes, "first", number)
        settle()
        measured["second"] = ansible(nodes, "second", number)
        if measured["second"].changed:
            raise BrokenRun(f"the second run changed something: {OUTPUT / f'second-{nodes.number}-{number}.log'}")


def main() -> int:
    """Exit code of the program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1, help="how often to measure both; the medians count")
    given = parser.add_mutually_exclusive_group()
    given.add_argument("--inventory", type=Path, help="a lab inventory whose nodes to replace; default: nodes of the bench's own")
    given.add_argument("--workers", type=int, nargs="+", default=[1], help="how many; several numbers: one after the other")
    parser.add_argument("--keep", action="store_true", help="leave the nodes as the last run left them")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--plain-only", action="store_true", help="only the plain script")
    only.add_argument("--ansible-only", action="store_true", help="only the playbook")
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    # Whoever ends the bench early still gets what it has measured.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    inventories = [arguments.inventory]
    if not arguments.inventory:
        template, folder = ROOT / "inventories" / "lab" / "stacked_ha", ROOT / ".build"
        inventories = [own_inventory(template, folder / f"bench-{workers}", workers) for workers in arguments.workers]
    sides = ["plain"] if arguments.plain_only else ["ansible"] if arguments.ansible_only else ["plain", "ansible"]
    sizes: Sizes = {}
    topology_seconds = None
    inventory = inventories[0]
    try:
        if "ansible" in sides:
            topology_seconds = topology_1000()
            say(f"topology_check of 1,000 hosts {topology_seconds:.1f} s")
        for inventory in inventories:
            nodes = read_nodes(inventory.resolve())
            rounds = sizes.setdefault(nodes.number, [])
            for number in range(1, arguments.rounds + 1):
                rounds.append({})
                measure(nodes, sides, number, rounds[-1])
            if not arguments.keep or inventory != inventories[-1]:
                lab("down", nodes)
    except BrokenRun as error:
        print(f"bench: {error}\nbench: the nodes are left as they are: lab.py down {inventory}", file=sys.stderr)
        return 1
    finally:
        if any(any(rounds) for rounds in sizes.values()):
            write_report(sizes, topology_seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
