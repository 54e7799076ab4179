# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a package manager that failed makes a person read."""

from __future__ import annotations

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.installing import locked, refusal, silent

LOCKED = "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 77 (unattended-upgr)"


def test_a_lock_names_who_holds_it_and_the_line_that_says_so() -> None:
    said = refusal("n1", ["socat", "conntrack"], {"msg": "'apt-get install' failed: " + LOCKED}, "unattended-upgr (process 77)")
    assert said.startswith("Packages on n1 (socat, conntrack) were not installed: another package manager is at work")
    assert "it is unattended-upgr (process 77)" in said and LOCKED in said
    assert locked({"msg": "Failed to lock apt for exclusive operation: Failed to lock directory /var/lib/apt/lists/"})
    assert "What to do: wait until it has ended" in said and "never delete the lock" in said


def test_who_installs_by_chance_is_not_named_for_another_failure() -> None:
    result = {
        "msg": "'apt-get -o DPkg::Lock::Timeout=300' failed: E: Unable to fetch",
        "stderr": "Temporary failure resolving 'deb.debian.org'",
    }
    said = refusal("n1", ["socat"], result, "apt (process 9)")
    assert "a name can't be resolved" in said and "/etc/resolv.conf" in said and "process 9" not in said


def test_what_nobody_knows_is_shown_by_its_last_lines_without_secrets() -> None:
    lines = ["line %d" % number for number in range(9)] + ["abcdef.0123456789abcdef"]
    said = refusal("n1", ["a"], {"msg": "x", "stderr": "\n".join(lines)}, "")
    assert "line 8" in said and "line 3" not in said and "abcdef.0123456789abcdef" not in said
    assert said.endswith("What to do: mend what these lines name and run the play again.")


def test_what_dnfs_module_has_beside_its_message_is_shown_and_understood() -> None:
    message = "Failed to install some of the specified packages"
    said = refusal("n1", ["socat"], {"msg": message, "failures": ["No package socat available."], "rc": 1}, "")
    assert message in said and "\n  No package socat available." in said
    said = refusal("n1", ["socat"], {"msg": message, "failures": ["write /var/x: No space left on device"]}, "")
    assert "were not installed: a disk is full" in said


@pytest.mark.parametrize("core", ["", " after 5 retries"], ids=["2.17", "2.18"])
def test_apt_is_asked_itself_where_its_module_has_no_reason(core: str) -> None:
    assert silent({"msg": "Failed to update apt cache%s: unknown reason" % core})
    assert silent({"msg": "Failed to update apt cache%s: " % core})
    assert not silent({"msg": "Failed to update apt cache%s: W:GPG error" % core}) and not silent({})


def test_silence_is_said() -> None:
    assert "(the package manager said nothing)" in refusal("n1", ["a"], {}, "")
