#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: zfs_backup_program
version_added: 0.3.0
short_description: Install the program that sends ZFS snapshots to object storage, and prove its settings
description:
  - Installs this collection's own modules as one file that Python runs, so that a timer of systemd needs no Ansible.
  - Where the settings or the program of now were not proven yet, looks that datasets and programs are there, and that an encrypted
    object comes back from the storage. Then starts the service, and does not wait for it, since the first send may take hours.
options:
  run:
    description: Whether to start a send. V(unproven) does so where settings or program are new.
    type: str
    choices: [never, unproven, always]
    default: never
  service:
    description: The systemd unit that runs the program.
    type: str
    default: kubernetes-zfs-backup.service
attributes:
  check_mode:
    support: full
    description: Says whether the program would be installed and a send started.
  diff_mode:
    support: full
    description: The path of the program, since it is no text.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Install the program, and prove new settings
  baremetal.kubernetes.zfs_backup_program:
    run: unproven
"""

RETURN = r"""
path:
  description: Where the program is.
  returned: always
  type: str
started:
  description: Whether a send was, or in check mode would be, started.
  returned: always
  type: bool
report:
  description: What the last send of this host reported; empty where there was none.
  returned: always
  type: dict
line:
  description: The report for a person.
  returned: always
  type: str
"""

import json
import os
import time
from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.report import read
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.program import build, digest, install
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.replace import replace_file
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup import program
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.run import LAST
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.settings import SETTINGS, STATE, read_settings

#: The settings and the program that were proven last.
PROOF = "proof.json"

FORM = {"started": float, "error?": str, "sent": [object], "removed": [object]}


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "run": {"type": "str", "choices": ["never", "unproven", "always"], "default": "never"},
            "service": {"type": "str", "default": "kubernetes-zfs-backup.service"},
        },
        supports_check_mode=True,
    )
    runner = HostRunner()
    wanted = build(program.__name__)
    try:
        changed = install(program.PATH, wanted, module.check_mode)["changed"]
    except ProblemError as error:
        module.fail_json(**error.fields())
    text = runner.read(SETTINGS) or ""
    current = digest(text, wanted)
    proven = (read(runner, STATE, PROOF) or {}).get("settings") == current
    wish = module.params["run"]
    started = wish == "always" or (wish == "unproven" and (changed or not proven))
    if started and not module.check_mode:
        try:
            program.prove(read_settings(text, SETTINGS), runner, STATE)
            replace_file(os.path.join(STATE, PROOF), json.dumps({"settings": current}) + "\n", 0o600)
        except ProblemError as error:
            module.fail_json(**error.fields())
        result = runner.run(["systemctl", "start", "--no-block", "--", module.params["service"]], timeout=60)
        if result.rc != 0:
            module.fail_json(msg="%s does not start: %s" % (module.params["service"], result.stderr.strip()))
    last = read(runner, STATE, LAST, FORM) or {}
    module.exit_json(
        changed=changed or started,
        path=program.PATH,
        started=started,
        report=last,
        line=("would be started" if module.check_mode else "started") if started else line(last),
        diff={
            "before": "",
            "after": ("%s\n" % program.PATH if changed else "") + ("start %s\n" % module.params["service"] if started else ""),
        },
    )


def line(last: Dict[str, Any]) -> str:
    if not last:
        return "nothing was sent yet"
    moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(last["started"]))
    return "%s: %s" % (moment, last.get("error") or "%d sent, %d removed" % (len(last["sent"]), len(last["removed"])))


if __name__ == "__main__":
    main()
