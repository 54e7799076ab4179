# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The settings' three descriptions (role defaults, argument specification, the core's own) are one."""

from __future__ import annotations

import pathlib
from dataclasses import asdict
from typing import Any, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.checks.components import CHOICES, PROXY_MODES
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.settings import KINDS, Settings
from yaml_files import read_yaml

ROLE = pathlib.Path(__file__).resolve().parents[5] / "roles" / "cluster"
DEFAULTS: Dict[str, Any] = read_yaml(ROLE / "defaults" / "main.yml")
OPTIONS: Dict[str, Any] = read_yaml(ROLE / "meta" / "argument_specs.yml")["argument_specs"]["settings"][
    "options"
]


def test_the_core_has_the_roles_settings_and_defaults() -> None:
    assert {"cluster_" + name: value for name, value in asdict(Settings()).items()} == DEFAULTS


def test_the_argument_specification_has_them_too_with_the_same_types() -> None:
    assert {name: option["default"] for name, option in OPTIONS.items()} == DEFAULTS
    assert {name: option["type"].replace("path", "str") for name, option in OPTIONS.items()} == KINDS


def test_choices_are_the_same_in_words_and_in_code() -> None:
    for name, choices in CHOICES.items():
        assert OPTIONS["cluster_" + name]["choices"] == list(choices)
    assert OPTIONS["cluster_proxy_mode"]["choices"] == list(PROXY_MODES)


def test_every_setting_is_described_in_a_sentence() -> None:
    assert [name for name, option in OPTIONS.items() if not option["description"].endswith(".")] == []
