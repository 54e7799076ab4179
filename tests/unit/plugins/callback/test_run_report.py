# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of real runs of ansible-playbook: what it says at the end, what it keeps, and what it keeps to itself."""

from __future__ import annotations

import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import sys
import time
from html.parser import HTMLParser
from typing import Any, Callable, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.callback.run_report import CallbackModule
from conftest import COLLECTIONS, ROOT
from playbook_run import run_playbook
from topology_data import blank_facts

HOSTS = """
all:
  hosts:
    h1: {ansible_connection: local}
    h2: {ansible_connection: local}
    # Nothing listens there.
    silent: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}
"""
PASSWORD = "correct-horse-battery"
PLAYS = """
- name: First <b>phase</b> & "more"
  hosts: h1:h2
  serial: 1
  gather_facts: false
  tasks:
    - name: Change something
      ansible.builtin.debug: {msg: x}
      changed_when: true

- name: Nobody
  hosts: nobody
  gather_facts: false
  tasks: [{name: Never, ansible.builtin.debug: {msg: x}}]

- name: Second
  hosts: h1
  gather_facts: false
  tasks:
    - name: Fail and go on
      block: [{name: Rescued, ansible.builtin.fail: {msg: rescued words}}]
      rescue: [{name: Go on, ansible.builtin.debug: {msg: x}}]
    - name: Fail and ignore it
      ansible.builtin.fail: {msg: ignored words}
      ignore_errors: true
    - name: Hide a failure
      ansible.builtin.fail: {msg: "PASSWORD"}
      no_log: true
      when: how | default('') == 'hidden'
    - name: Hide an item
      ansible.builtin.fail: {msg: "{{ item }}"}
      no_log: true
      loop: ["PASSWORD"]
      when: how | default('') == 'item'
    - name: Fail <script>alert(1)</script>
      ansible.builtin.fail: {msg: "because of </pre><script>\\e[31mred\\nand more"}
      when: how | default('') == 'fail'
    - name: Wait
      ansible.builtin.wait_for: {path: "{{ inventory_dir }}/../go", timeout: 300}
      when: how | default('') == 'wait'
""".replace("PASSWORD", PASSWORD)
UNREACHABLE = """
- name: Ask whether they are there
  hosts: h1:silent
  gather_facts: false
  tasks:
    - name: Ask
      ansible.builtin.raw: echo
      ignore_unreachable: "{{ how | default('') == 'ignore' }}"
"""
#: Elements that have no end.
VOID = {"meta", "br"}


class Balanced(HTMLParser):
    """Every element is closed where it should be; ``text`` is what a reader sees, ``elements`` are all that there are."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: List[str] = []
        self.elements: Dict[str, int] = {}
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements[tag] = self.elements.get(tag, 0) + 1
        assert not {"src", "href"} & {name for name, _value in attrs}
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


class Site:
    """An inventory with a playbook beside it."""

    def __init__(self, path: pathlib.Path, plays: str = PLAYS) -> None:
        self.path = path
        (path / "inventory").mkdir()
        (path / "inventory" / "hosts.yml").write_text(HOSTS)
        self.playbook = path / "site.yml"
        self.playbook.write_text(plays)
        self.reports = path / "inventory" / ".reports"

    def run(self, *words: str, **settings: Any) -> "subprocess.CompletedProcess[str]":
        settings = {"BAREMETAL_KUBERNETES_REPORTS": "true", "ANSIBLE_SSH_RETRIES": "0", **settings}
        return run_playbook(self.playbook, "-i", "inventory", *words, cwd=self.path, **settings)

    def history(self) -> List[Dict[str, Any]]:
        return [json.loads(line) for line in (self.reports / "history.jsonl").read_text().splitlines()]

    def pages(self) -> List[str]:
        return [path.read_text() for path in sorted(self.reports.glob("*.html"))]


@pytest.fixture
def site(tmp_path: pathlib.Path) -> Site:
    return Site(tmp_path)


def report_of(done: "subprocess.CompletedProcess[str]") -> str:
    assert "RUN REPORT" in done.stdout, done.stdout + done.stderr
    return done.stdout.split("RUN REPORT")[1]


def test_a_run_is_compared_with_the_last_one_that_was_whole_and_real(site: Site) -> None:
    first = site.run()
    assert first.returncode == 0, first.stdout + first.stderr
    said = report_of(first)
    assert "site succeeded in " in said
    assert "2 hosts, 2 changes" in said
    assert "last time" not in said
    assert "Nobody" not in said
    # What was rescued or ignored is no failure of the run.
    assert "Failed first" not in said
    assert "rescued words" not in site.pages()[0]
    entry = site.history()[0]
    # All batches of a play are one phase.
    assert [(phase["name"], phase["hosts"]) for phase in entry["phases"]] == [('First <b>phase</b> & "more"', 2), ("Second", 1)]
    assert (entry["outcome"], entry["check"], entry["partial"]) == ("succeeded", False, False)

    check = site.run("--check")
    assert "site (check mode) succeeded" in report_of(check)
    assert "nothing was changed, 2 tasks would change something" in report_of(check)
    site.run("--limit", "h2")
    assert [(entry["check"], entry["partial"]) for entry in site.history()] == [(False, False), (True, False), (False, True)]

    # So that it shows which one is meant.
    lines = [dict(entry, seconds=3600 if number == 0 else 1) for number, entry in enumerate(site.history())]
    (site.reports / "history.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in lines) + '{"cut": ')
    again = site.run()
    assert "last time 1 h 0 min" in report_of(again)
    assert report_of(again).count("last time") == 2
    assert len(site.history()) == 4
    Balanced(site.pages()[-1])


def test_what_is_kept_is_the_owners_alone_and_no_part_of_the_inventory(site: Site) -> None:
    site.run()
    done = site.run("--list-hosts")
    assert "hosts (2)" in done.stdout and "html" not in done.stdout + done.stderr
    assert stat.S_IMODE(site.reports.stat().st_mode) == 0o700
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in site.reports.iterdir()}
    assert set(modes.values()) == {0o600}
    assert {".gitignore", "history.jsonl"} < set(modes)


def test_a_failure_is_told_with_its_words_and_every_name_is_harmless(site: Site) -> None:
    done = site.run("-e", "how=fail")
    said = report_of(done)
    assert done.returncode == 2
    assert "site failed after " in said
    assert "Failed first: Fail <script>alert(1)</script>, at h1: because of </pre><script>?[31mred [...]" in said
    assert "\x1b" not in said
    page = Balanced(site.pages()[0])
    assert "script" not in page.elements
    assert page.elements["b"] == 1
    assert "because of </pre><script>" in page.text and "and more" in page.text
    assert site.history()[0]["outcome"] == "failed"
    assert "last time" not in report_of(site.run())


@pytest.mark.parametrize("how", ["hidden", "item"])
def test_what_no_log_hides_is_nowhere(site: Site, how: str) -> None:
    done = site.run("-e", "how=" + how)
    assert done.returncode == 2
    assert "hidden, since the task has no_log" in report_of(done)
    kept = [path.read_bytes() for path in site.reports.iterdir()]
    assert len(kept) == 3
    assert not [content for content in kept if PASSWORD.encode() in content]
    assert PASSWORD not in report_of(done)


def test_a_host_that_does_not_answer_fails_the_run_unless_that_is_ignored(tmp_path: pathlib.Path) -> None:
    site = Site(tmp_path, UNREACHABLE)
    failed = site.run()
    assert failed.returncode == 4, failed.stdout
    assert "Failed first: Ask, at silent: " in report_of(failed)
    ignored = site.run("-e", "how=ignore")
    assert ignored.returncode == 0, ignored.stdout
    assert "Failed" not in report_of(ignored)
    assert [entry["outcome"] for entry in site.history()] == ["failed", "succeeded"]


def begin(site: Site) -> "subprocess.Popen[str]":
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "BAREMETAL_KUBERNETES_REPORTS": "true",
        "BAREMETAL_KUBERNETES_REPORTS_WAIT_SECONDS": "1",
    }
    words = [sys.executable, "-m", "ansible", "playbook", "-i", "inventory", "-e", "how=wait", str(site.playbook)]
    return subprocess.Popen(
        words,
        cwd=site.path,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # Tests that are started in the background are deaf to it, and so would be what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def read_until(process: "subprocess.Popen[str]", word: str) -> str:
    assert process.stdout
    end, said = time.monotonic() + 300, ""
    while word not in said:
        line = process.stdout.readline()
        assert line and time.monotonic() < end, said
        said += line
    return said


@pytest.mark.parametrize(("number", "outcomes"), [(signal.SIGINT, ["ended early"]), (signal.SIGKILL, [])])
def test_a_run_that_is_killed_leaves_a_whole_history(site: Site, number: signal.Signals, outcomes: List[str]) -> None:
    process = begin(site)
    try:
        # What it waits for is said while it waits, and not before the second that was set.
        said = read_until(process, " on h1: Wait\n").splitlines()[-1]
        assert re.search("Still at it for [1-9]", said), said
    finally:
        os.killpg(process.pid, number)
        process.communicate(timeout=120)
        # A worker of ansible-core 2.19 is in a session of its own, and outlives it.
        (site.path / "go").touch()
    assert [entry["outcome"] for entry in (site.history() if outcomes else [])] == outcomes
    done = site.run()
    assert "last time" not in report_of(done)
    assert [entry["outcome"] for entry in site.history()] == [*outcomes, "succeeded"]


def test_a_directory_that_can_not_be_written_costs_a_warning_and_nothing_else(site: Site) -> None:
    done = site.run(BAREMETAL_KUBERNETES_REPORTS_DIRECTORY=site.path / "site.yml" / "reports")
    assert done.returncode == 0
    assert "site succeeded in " in report_of(done)
    said = " ".join((done.stdout + done.stderr).split())
    assert said.count("The report of this run is not kept: ") == 1
    assert "Traceback" not in said


class Display:
    verbosity = 0

    def __init__(self) -> None:
        self.warnings: List[str] = []

    def warning(self, text: str) -> None:
        self.warnings.append(text)


def test_a_fault_of_the_report_is_one_warning_and_the_run_goes_on() -> None:
    display = Display()
    callback = CallbackModule(display=display)
    callback.v2_playbook_on_start(None)
    callback.v2_playbook_on_play_start(None)
    callback.v2_runner_on_ok(None)
    callback.v2_playbook_on_stats(None)
    assert len(display.warnings) == 1
    assert display.warnings[0].startswith("There is no report of this run: AttributeError: ")


def test_it_can_be_switched_off_and_goes_where_it_is_told(site: Site) -> None:
    off = site.run(BAREMETAL_KUBERNETES_REPORTS="false")
    assert "RUN REPORT" not in off.stdout
    elsewhere = site.path / "elsewhere"
    for _number in range(3):
        site.run("--limit", "h2", BAREMETAL_KUBERNETES_REPORTS_DIRECTORY=elsewhere, BAREMETAL_KUBERNETES_REPORTS_KEEP=2)
    assert not site.reports.exists()
    assert len(list(elsewhere.glob("*.html"))) == 2
    assert len((elsewhere / "history.jsonl").read_text().splitlines()) == 3


PREFLIGHT = """
- name: Plan
  hosts: control_plane:workers
  gather_facts: false
  tasks:
    - name: Play node_facts
      ansible.builtin.set_fact: {node_state: "{{ played_state }}"}
    - name: Check the whole plan
      baremetal.kubernetes.topology_check: {playbook: stacked_ha}
      run_once: true
"""


@pytest.fixture
def cluster(tmp_path: pathlib.Path) -> Callable[..., Site]:
    """An inventory of three fresh control planes and a worker."""

    def make(**settings: Any) -> Site:
        site = Site(tmp_path, PREFLIGHT)
        groups: Dict[str, Any] = {"control_plane": {"hosts": {}}, "workers": {"hosts": {}}}
        for number, host in enumerate(("cp1", "cp2", "cp3", "worker1"), 11):
            address = "10.89.79.%d" % number
            state = {"ansible_facts": {"kubernetes_node": blank_facts(address, number)}}
            entry = {"ansible_connection": "local", "node_address": address, "ansible_host": address, "played_state": state}
            groups["workers" if host == "worker1" else "control_plane"]["hosts"][host] = entry
        own = {"cluster_kubernetes_version": "1.33.6", "cluster_vip": "10.89.79.100", "cluster_endpoint": "10.89.79.100:8443"}
        groups["all"] = {"vars": {**own, **settings}}
        (tmp_path / "inventory" / "hosts.yml").write_text(json.dumps(groups))
        return site

    return make


def test_a_plan_says_who_is_worked_on_in_which_order_and_how_long_it_took(cluster: Callable[..., Site]) -> None:
    site = cluster()
    done = site.run()
    said = done.stdout.split("PLAN, stacked_ha, in this order")[1].split("RUN REPORT")[0]
    lines = [line.split(". ", 1)[1] for line in said.splitlines() if ". " in line]
    assert "Make the first control plane: cp1" in lines
    assert "Join further control planes, one at a time, since each changes the quorum of etcd: cp2 and cp3" in lines
    assert lines.index("Make the first control plane: cp1") < lines.index("Join workers, all at once: worker1")
    assert "last time" not in said
    assert "Endpoint: 10.89.79.100:8443" in report_of(done)
    page = Balanced(site.pages()[0])
    assert "cp1: kubeadm init (blank)" in page.text
    assert "Join workers, all at once" in page.text

    # A run of the playbook itself is what preflight compares with.
    phases = [{"name": "Make the first control plane", "seconds": 95.0, "hosts": 1}]
    entry = dict(site.history()[0], playbook="stacked_ha", phases=phases)
    (site.reports / "history.jsonl").write_text(json.dumps(entry) + "\n")
    assert "Make the first control plane: cp1 (last time 1 min 35 s)" in site.run().stdout


def test_a_plan_that_is_refused_says_to_set_it_right(cluster: Callable[..., Site]) -> None:
    site = cluster(cluster_proxy_mode="none")
    said = report_of(site.run())
    assert "Failed first: Check the whole plan, at cp1: 1 problem found" in said
    assert "set right what is listed above, then the same command again; no host was changed" in said
    assert "cluster_proxy_mode" in Balanced(site.pages()[0]).text
