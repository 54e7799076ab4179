# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that plays node-problem-detector in Molecule's scenario: what becomes of the conditions that its role writes."""

from __future__ import annotations

import importlib.util
import pathlib
from typing import Any, List, Optional, Tuple

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.detector import SCRIPT, monitor
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.settings import CONDITIONS
from conftest import ROOT

PLAYED = ROOT / "molecule" / "hardware_watch" / "played" / "node_problem_detector.py"
MONITOR = monitor(60)
RULE = next(one for one in MONITOR["rules"] if one["condition"] == "DiskFailing")
DEFAULT = next(one for one in MONITOR["conditions"] if one["type"] == "DiskFailing")


@pytest.fixture
def played(monkeypatch: pytest.MonkeyPatch) -> Any:
    specification = importlib.util.spec_from_file_location("played_detector", PLAYED)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    specification.loader.exec_module(module)
    return module


def run(played: Any, answers: List[Tuple[int, str]]) -> List[Tuple[str, str, str, Optional[str]]]:
    """Status, reason, message and kind of event after each answer of the plugin."""
    condition = dict(DEFAULT, status="False", lastTransitionTime="2026-11-22T00:00:00Z")
    seen = []
    for code, text in answers:
        condition, event = played.after(condition, RULE, DEFAULT, code, text, 250)
        seen.append((condition["status"], condition["reason"], condition["message"], event and event["type"]))
    return seen


def test_a_condition_changes_with_the_exit_code_alone_as_custom_plugin_monitor_go_has_it(played: Any) -> None:
    good, bad = ("DisksAreGood", "no disk is failing"), "DiskIsFailing"
    assert run(played, [(0, "x"), (1, "sda: one"), (1, "sda: two"), (2, "old"), (2, "older"), (0, "x"), (2, "old")]) == [
        ("False", *good, None),
        ("True", bad, "sda: one", "Warning"),
        # Another message of the same status is none: enable_message_change_based_condition_update is off.
        ("True", bad, "sda: one", None),
        ("Unknown", good[0], "old", "Normal"),
        ("Unknown", good[0], "old", None),
        ("False", *good, "Normal"),
        ("Unknown", good[0], "old", "Normal"),
    ]


def test_the_plugin_is_the_one_that_the_kubelet_has_laid_out(played: Any, tmp_path: pathlib.Path) -> None:
    plugin = tmp_path / "condition.sh"
    plugin.write_text(SCRIPT.replace(CONDITIONS, str(tmp_path)))
    plugin.chmod(0o755)
    assert played.ask(RULE, str(tmp_path)) == (2, "there is no verdict of hardware_watch on this node")
    (tmp_path / "DiskFailing").write_text("1 %d 600 /dev/sda: it has gone read-only\n" % played.time.time())
    assert played.ask(RULE, str(tmp_path)) == (1, "/dev/sda: it has gone read-only")
