#!/usr/bin/env python3
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller has to do for 1 to 1,000 hosts that are simulated (connection_plugins/simulated.py).

Two runs: the plan of a blank cluster (playbook preflight), and stacked_ha on a cluster that stands, which changes nothing. Counted
are processor seconds of ansible-playbook and all its forks, which hardly depend on what else the machine does, and memory. Every
run is kept in tests/output/bench/scale.json as soon as it has ended; report and pictures are made of all that are there.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from bench import OUTPUT, ROOT, BrokenRun, say, table
from chart import Series, chart
from simulated_cluster import BLANK, STANDING, make_cluster

FORKS = 32  # as ansible.cfg has it
#: scenario -> its state, playbook, words for people, and about how many seconds a host takes
SCENARIOS = {
    "plan": (BLANK, "preflight", "plan of a blank cluster", 0.1),
    "second": (STANDING, "stacked_ha", "second run of stacked_ha", 1.0),
}
#: stacked_ha has three hosts at least.
SIZES = {"plan": (1, 10, 30, 100, 300, 1000), "second": (3, 10, 30, 100, 300, 1000)}
FORKS_TRIED = (5, 50, 100)
HOSTS_OF_FORKS = 100


class Figures(NamedTuple):
    """What one run took of the controller."""

    scenario: str
    hosts: int
    forks: int
    #: user and system time of ansible-playbook with all that it started
    processor_seconds: float
    #: the most that the main process had resident, and what a fork has on average while it waits for its host, MB
    main_mb: float
    fork_mb: float
    #: tasks that ran on the host with the most of them, and on the one with the fewest
    most_tasks: int
    fewest_tasks: int

    @property
    def all_mb(self) -> float:
        """With as many forks as can be at once."""
        return self.main_mb + min(self.forks, self.hosts) * self.fork_mb


def measure(scenario: str, hosts: int, forks: int) -> Figures:
    """Runs a scenario's playbook. BrokenRun where a host was not reached, or something changed."""
    state, playbook, *_others = SCENARIOS[scenario]
    name = f"scale-{scenario}-{hosts}-{forks}"
    log, record = OUTPUT / f"{name}.log", OUTPUT / f"{name}.json"
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        inventory = make_cluster(Path(folder) / "inventory", hosts, state)
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
            "ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "tests" / "bench" / "connection_plugins"),
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "bench" / "callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "bench_record",
            "ANSIBLE_FORKS": str(forks),
            "ANSIBLE_LOCAL_TEMP": folder,
            "BENCH_RECORD": str(record),
        }
        with log.open("w") as output:
            argv = ["ansible-playbook", "--inventory", str(inventory), f"playbooks/{playbook}.yml"]
            process = subprocess.Popen(
                argv, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
            _pid, status, used = os.wait4(process.pid, 0)
        weighed = [int(line) for path in (inventory.parent / "answers").glob("*.memory_kb") for line in path.read_text().split()]
    if status:
        raise BrokenRun(f"{name} failed; what it said: {log}")
    counts = json.loads(record.read_text())["hosts"]
    if len(counts) != hosts or any(one["changed"] + one["dark"] + one["ignored"] for one in counts.values()):
        raise BrokenRun(f"{name} did not leave {hosts} hosts as they were; what it said: {log}")
    tasks = [one["ok"] for one in counts.values()]
    seconds, main_mb, fork_mb = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, statistics.mean(weighed) / 1024
    return Figures(scenario, hosts, forks, seconds, main_mb, fork_mb, max(tasks), min(tasks))


# --- The report -------------------------------------------------------------------------------------------------------------------


def of_sizes(done: list[Figures], scenario: str) -> list[Figures]:
    """A scenario's runs with the forks that all sizes have, by their sizes."""
    return sorted((one for one in done if one.scenario == scenario and one.forks == FORKS), key=lambda one: one.hosts)


def exponent(before: Figures, after: Figures) -> float:
    """How processor time grows from one size to the next: 1 is in proportion to the hosts, 2 with their square."""
    return math.log(after.processor_seconds / before.processor_seconds) / math.log(after.hosts / before.hosts)


def markdown(done: list[Figures]) -> str:
    """The tables for people."""
    text = ""
    for scenario, (_state, _playbook, words, _seconds) in SCENARIOS.items():
        runs = of_sizes(done, scenario)
        rows = []
        for before, one in zip([None, *runs], runs):
            rows.append(
                [
                    f"{words}, {one.hosts:,}",
                    f"{one.processor_seconds:.1f} s",
                    f"{1000 * one.processor_seconds / one.hosts:,.0f} ms",
                    f"{exponent(before, one):.2f}" if before else "",
                    f"{one.main_mb:.0f} MB",
                    f"{one.fork_mb:.0f} MB",
                    f"{one.most_tasks}, {one.fewest_tasks}",
                ]
            )
        header = ["run, hosts", "processor time", "for each host", "growth", "main process", "each fork", "tasks (most, fewest)"]
        text += table(header, rows) + "\n"
    tried = sorted((one for one in done if one.scenario == "plan" and one.hosts == HOSTS_OF_FORKS), key=lambda one: one.forks)
    rows = [
        [str(one.forks), f"{one.processor_seconds:.1f} s", f"{one.main_mb:.0f} MB", f"{one.fork_mb:.0f} MB", f"{one.all_mb:.0f} MB"]
        for one in tried
    ]
    return text + table([f"forks, {HOSTS_OF_FORKS} hosts", "processor time", "main process", "each fork", "all together"], rows)


def pictures(done: list[Figures]) -> dict[str, str]:
    """File name -> SVG."""
    plan, second = (of_sizes(done, scenario) for scenario in SCENARIOS)
    time_series = [
        Series(words, [(one.hosts, one.processor_seconds) for one in runs])
        for (*_others, words, _seconds), runs in zip(SCENARIOS.values(), (plan, second))
    ]
    memory_series = [
        Series("plan, with forks", [(one.hosts, one.all_mb) for one in plan]),
        Series("second run, with forks", [(one.hosts, one.all_mb) for one in second]),
        Series("second run, main process", [(one.hosts, one.main_mb) for one in second]),
    ]
    return {
        "scale_time.svg": chart("Processor seconds of the controller, by hosts", "hosts", "s", time_series),
        "scale_memory.svg": chart(f"Memory of the controller with {FORKS} forks, by hosts", "hosts", "MB", memory_series),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=1000, help="the most hosts of a run")
    parser.add_argument("--continue", dest="go_on", action="store_true", help="keep the runs that an earlier call got to")
    parser.add_argument("--pictures", type=Path, default=OUTPUT, help="where the plots go, docs/pictures for those of the page")
    arguments = parser.parse_args()
    OUTPUT.mkdir(parents=True, exist_ok=True)
    kept = OUTPUT / "scale.json"
    done = [Figures(**one) for one in json.loads(kept.read_text())] if arguments.go_on and kept.exists() else []
    wanted = [(scenario, hosts, FORKS) for scenario, sizes in SIZES.items() for hosts in sizes]
    wanted += [("plan", HOSTS_OF_FORKS, forks) for forks in FORKS_TRIED]
    # The cheap ones first: who has no patience for 1,000 hosts has the others.
    for scenario, hosts, forks in sorted(wanted, key=lambda one: one[1] * SCENARIOS[one[0]][3]):
        if hosts > arguments.most or any((one.scenario, one.hosts, one.forks) == (scenario, hosts, forks) for one in done):
            continue
        try:
            figures = measure(scenario, hosts, forks)
        except BrokenRun as error:
            say(str(error))
            return 1
        say(f"{SCENARIOS[scenario][2]}, {hosts} hosts, {forks} forks: {figures.processor_seconds:.1f} s, {figures.all_mb:.0f} MB")
        done.append(figures)
        kept.write_text(json.dumps([one._asdict() for one in done], indent=1))
    (OUTPUT / "scale.md").write_text(markdown(done))
    for name, text in pictures(done).items():
        (arguments.pictures / name).write_text(text)
    print(markdown(done))
    return 0


if __name__ == "__main__":
    sys.exit(main())
