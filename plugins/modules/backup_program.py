#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: backup_program
version_added: 0.2.0
short_description: Install the program that takes backups of the cluster, and have it take one
description:
  - Installs this collection's own modules as one file that Python runs, so that a timer of systemd needs no Ansible.
  - Looks whether the last run on this host was made with the settings and the program of now, and went well. If not, and O(run)
    asks for it, starts the service and returns what it reports.
options:
  run:
    description: Whether to start a run. V(unproven) does so where the settings or the program of now have none that went well.
    type: str
    choices: [never, unproven, always]
    default: never
  service:
    description: The systemd unit that runs the program.
    type: str
    default: kubernetes-backup.service
attributes:
  check_mode:
    support: full
    description: Says whether the program would be installed and a run started.
  diff_mode:
    support: full
    description: The path of the program, since it is no text.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Install the program, and prove new settings by a backup
  baremetal.kubernetes.backup_program:
    run: unproven
"""

RETURN = r"""
path:
  description: Where the program is.
  returned: always
  type: str
started:
  description: Whether a run was, or in check mode would be, started.
  returned: always
  type: bool
report:
  description: What the last run on this host reported; empty where there was none.
  returned: always
  type: dict
  contains:
    outcome: {description: "taken, left (to another member) or failed.", type: str}
    error: {description: Why it failed., type: str}
    left_to: {description: The member that took it., type: str}
    path: {description: The archive., type: str}
    size: {description: Its bytes., type: int}
    keys: {description: Keys that the restored trial member had., type: int}
    revision: {description: Its revision., type: int}
    uploaded: {description: Archives that were uploaded., type: list, elements: str}
    removed: {description: Archives that retention removed., type: list, elements: str}
    seconds: {description: How long it took., type: float}
line:
  description: The report for a person.
  returned: always
  type: str
"""

from typing import Any, Dict, List, Optional

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup import program, report
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.settings import SETTINGS, STATE
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.program import build, digest, install
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner, Runner


def proven(wanted: bytes, runner: Runner) -> bool:
    """Whether the last run went well with the program and the settings of now."""
    last = report.read(runner, STATE, report.LAST, report.FORM) or {}
    return last.get("outcome") in ("taken", "left") and last.get("settings") == digest(runner.read(SETTINGS) or "", wanted)


def start(service: str, runner: Runner) -> str:
    """Run the service to its end; what is wrong, or empty."""
    runner.run(["systemctl", "reset-failed", "--", service], timeout=30)
    before: Optional[Dict[str, Any]] = report.read(runner, STATE, report.LAST, report.FORM)
    result = runner.run(["systemctl", "start", "--", service], timeout=7200)
    last = report.read(runner, STATE, report.LAST, report.FORM) or {}
    if result.rc == 0:
        return ""
    if last.get("error") and last != before:
        return str(last["error"])
    log: List[str] = runner.run(
        ["journalctl", "--unit", service, "--lines=5", "--output=cat", "--no-pager"], timeout=30
    ).stdout.splitlines()
    return "%s failed: %s What to do: mend what these lines name: %s" % (service, result.stderr.strip(), " / ".join(log))


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "run": {"type": "str", "choices": ["never", "unproven", "always"], "default": "never"},
            "service": {"type": "str", "default": "kubernetes-backup.service"},
        },
        supports_check_mode=True,
    )
    runner = HostRunner()
    wanted = build(program.__name__)
    try:
        changed = install(program.PATH, wanted, module.check_mode)["changed"]
    except ProblemError as problem:
        module.fail_json(**problem.fields())
    wish = module.params["run"]
    started = wish == "always" or (wish == "unproven" and (changed or not proven(wanted, runner)))
    error = start(module.params["service"], runner) if started and not module.check_mode else ""
    last = report.read(runner, STATE, report.LAST, report.FORM) or {}
    result = {
        "changed": changed or started,
        "path": program.PATH,
        "started": started,
        "report": last,
        "line": report.line(last) if last.get("outcome") else "no backup was taken on this host yet",
        "diff": {
            "before": "",
            "after": ("%s\n" % program.PATH if changed else "") + ("run %s\n" % module.params["service"] if started else ""),
        },
    }
    if error:
        module.fail_json(msg=error, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
