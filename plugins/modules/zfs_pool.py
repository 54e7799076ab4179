#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: zfs_pool
version_added: 0.1.0
short_description: Bring a ZFS pool to its layout without losing anything
description:
  - Makes a pool where nothing of it exists, imports it where its disks are here, and brings an imported one to the layout of
    O(vdevs) - a disk is attached to make or widen a mirror, a vdev, log, cache or spare is added, a disk that failed is replaced
    by one that is new in O(vdevs), a disk that came back is taken back.
  - Never destroys a pool. A step by which something is lost is refused unless an option names the very disk,
    pool or figure - O(overwrite_disks), O(overwrite_pools), O(remove_disks), O(offline_disks), O(lower_redundancy_to),
    O(take_over_from). All refusals are said in one go before anything is changed.
  - A disk that is mounted, swap, below LVM or md, or in an imported pool is refused always; no option allows it.
  - A disk counts as blank where C(wipefs) finds no signature on it and its partitions, and the first and the last 4 MiB hold
    only zeros. It is looked at again right before it is written to.
  - A disk is the same by any of its names - those of C(/dev/disk/by-id), C(-part1) or C(p1) that ZFS adds, the kernel's name,
    the GUID of a missing member. The pool itself is given the lasting name, whatever is written here.
  - This is what C(community.general.zpool) can't do - it takes a by-id name for another disk than its C(-part1), and would add
    and remove vdevs on a pool that is as it should be.
options:
  name:
    description: Name of the pool.
    type: str
    required: true
  state:
    description:
      - V(present) brings the pool to its layout.
      - V(exported) exports it, so that another machine can import it. A pool that is in use is not exported.
    type: str
    choices: [present, exported]
    default: present
  vdevs:
    description: The whole layout. What the pool has and is not named here is refused, not removed.
    type: list
    elements: dict
    default: []
    suboptions:
      type:
        description: V(single) is one disk without redundancy; also for O(vdevs[].purpose=cache) and V(spare), which may have
          several disks.
        type: str
        choices: [single, mirror, raidz1, raidz2, raidz3, draid1, draid2, draid3]
        default: single
      disks:
        description: Paths of whole disks or partitions, best those of C(/dev/disk/by-id), or the GUID of a disk that is in the
          pool already.
        type: list
        elements: str
        required: true
      purpose:
        description: What the vdev is for.
        type: str
        choices: [data, special, dedup, log, cache, spare]
        default: data
      draid_data:
        description: Data disks in each group of a draid. Without it ZFS takes 8, or as many as there are.
        type: int
      draid_spares:
        description: Distributed spares of a draid.
        type: int
        default: 0
  properties:
    description:
      - Properties of the pool, as in C(zpoolprops(7)), such as C(ashift), C(autotrim) and C(feature@NAME). Others are left as
        they are.
      - Values are compared by their meaning - V(true) and V(on), V(1M) and V(1048576).
    type: dict
    default: {}
  root_properties:
    description: Properties of the pool's root dataset, as in C(zfsprops(7)), which datasets below it inherit.
    type: dict
    default: {}
  expand:
    description: Let the pool use the room of disks that have grown or were replaced by larger ones. It can't be made smaller
      again.
    type: bool
    default: false
  scrub:
    description:
      - When the pool is scrubbed, as a calendar event of C(systemd.time(7)), such as V(monthly). Empty ends it.
      - Without it the schedule is left as it is. Debian and Ubuntu scrub monthly by themselves unless the root dataset has
        C(org.debian:periodic-scrub=disable).
    type: str
  trim:
    description: When the pool is trimmed, likewise. Debian's and Ubuntu's own is C(org.debian:periodic-trim).
    type: str
  offline_disks:
    description:
      - Disks of the pool that are to be offline, by lasting path or GUID; every other one is taken back online. Without it,
        what is offline stays so.
      - The vdev has to go on without the disk, and O(lower_redundancy_to) has to allow what is left.
    type: list
    elements: str
  overwrite_disks:
    description: Disks whose content may be lost, by the path of each, which must be a lasting one (C(/dev/disk/by-id)) where there
      is one. After the next boot V(/dev/sdb) may be another disk.
    type: list
    elements: str
    default: []
  overwrite_pools:
    description:
      - Pools that are not imported and may be lost with their disks, which O(overwrite_disks) has to name as well. By GUID;
        another pool than the wanted one by its name, too.
    type: list
    elements: str
    default: []
  remove_disks:
    description:
      - Disks that may leave the pool though nothing is wrong with them, by lasting path or GUID - replaced by a new one, detached
        from a mirror, or with their whole vdev where ZFS can remove that. A disk that is gone needs it to be detached, not to be
        replaced.
    type: list
    elements: str
    default: []
  lower_redundancy_to:
    description: How many disks of a vdev at least may fail after a step that leaves it fewer than before, or fewer than other
      vdevs.
    type: int
  take_over_from:
    description:
      - Name of the host that had the pool last and did not export it. Only for a host that is dead for good. Two hosts that have
        a pool imported at once destroy it.
    type: str
    default: ""
  wait:
    description: Seconds to wait for the end of a resilver that this call began. A pool is not redundant before that end.
    type: int
    default: 0
attributes:
  check_mode:
    support: full
    description: Returns the steps that would be taken, and refuses what it would refuse. Where ZFS is not installed yet,
      or its module not loaded, it says what to do about that.
  diff_mode:
    support: full
    description: The pool before, and each step; those by which something is lost are marked with the options that allow them.
notes:
  - Needs C(zpool), C(zfs), C(zdb) and C(zgenhostid) (OpenZFS 2.0 or newer), C(wipefs), C(partx), C(cmp), and systemd for the
    schedules. A host without C(/etc/hostid) is given one.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: A mirror of two disks, scrubbed every month and trimmed every week
  baremetal.kubernetes.zfs_pool:
    name: tank
    vdevs:
      - type: mirror
        disks: [/dev/disk/by-id/nvme-SAMSUNG_MZVL2512_A1, /dev/disk/by-id/nvme-SAMSUNG_MZVL2512_A2]
    properties: {ashift: 12, autotrim: true}
    root_properties: {compression: lz4, atime: false, xattr: sa, acltype: posix, mountpoint: none}
    scrub: monthly
    trim: weekly

- name: Two mirrors, metadata on a mirror of fast disks, a log, a cache and a spare
  baremetal.kubernetes.zfs_pool:
    name: tank
    vdevs:
      - {type: mirror, disks: [/dev/disk/by-id/ata-HDD_1, /dev/disk/by-id/ata-HDD_2]}
      - {type: mirror, disks: [/dev/disk/by-id/ata-HDD_3, /dev/disk/by-id/ata-HDD_4]}
      - {type: mirror, purpose: special, disks: [/dev/disk/by-id/nvme-SSD_1-part1, /dev/disk/by-id/nvme-SSD_2-part1]}
      - {type: mirror, purpose: log, disks: [/dev/disk/by-id/nvme-SSD_1-part2, /dev/disk/by-id/nvme-SSD_2-part2]}
      - {purpose: cache, disks: [/dev/disk/by-id/nvme-SSD_1-part3]}
      - {purpose: spare, disks: [/dev/disk/by-id/ata-HDD_5]}

- name: A disk died; its place in the layout has the new one, and the run ends when that holds all data
  baremetal.kubernetes.zfs_pool:
    name: tank
    vdevs:
      - type: mirror
        disks: [/dev/disk/by-id/nvme-SAMSUNG_MZVL2512_A1, /dev/disk/by-id/nvme-SAMSUNG_MZVL2512_B7]
    wait: 7200

- name: Exchange a disk that still works for a larger one, which was used before
  baremetal.kubernetes.zfs_pool:
    name: tank
    vdevs:
      - type: mirror
        disks: [/dev/disk/by-id/nvme-SAMSUNG_MZVL2512_A1, /dev/disk/by-id/nvme-SAMSUNG_MZVL21T0_C1]
    remove_disks: [/dev/disk/by-id/nvme-SAMSUNG_MZVL2512_A2]
    overwrite_disks: [/dev/disk/by-id/nvme-SAMSUNG_MZVL21T0_C1]
    expand: true

- name: Hand the pool to another machine
  baremetal.kubernetes.zfs_pool:
    name: tank
    state: exported
"""

RETURN = r"""
steps:
  description: What was done, or in check mode would be, in order.
  type: list
  elements: dict
  returned: always
  contains:
    action:
      description: One of V(identify), V(wipe), V(create), V(import), V(export), V(online), V(replace), V(attach), V(add), V(set),
        V(expand), V(offline), V(detach), V(remove) and V(schedule).
      type: str
    text:
      description: The step in words.
      type: str
    commands:
      description: The command lines.
      type: list
      elements: list
    destructive:
      description: Whether data or redundancy is lost by it.
      type: bool
    consent:
      description: The options that allow it.
      type: list
      elements: str
errors:
  description: What speaks against it. Then nothing was changed.
  type: list
  elements: dict
  returned: on refusal
  contains:
    setting:
      description: The option that it is about.
      type: str
    problem:
      description: What is wrong.
      type: str
    remedy:
      description: What to write or do.
      type: str
pool:
  description: The pool as it is after the call; none where it is not imported.
  type: dict
  returned: success
  sample:
    name: tank
    guid: "9522190425107286424"
    state: ONLINE
    scan: none requested
    errors: No known data errors
    may_lose: 1
    vdevs:
      - name: mirror-0
        type: mirror
        purpose: data
        state: ONLINE
        disks: [{path: /dev/disk/by-id/nvme-A-part1, guid: "10451866353466498543", state: ONLINE, note: ""}]
"""

from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.lock import hold
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.state import bring_to_state
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.topology.problems import counted, readable
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs import schedules
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.host import (
    Done,
    NoZfsError,
    ZfsError,
    ZfsHost,
    as_data,
    describe,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.layout import PURPOSES, TYPES, read_vdevs
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.plan import Step, Wanted

LOCK = "/run/kubernetes-zfs-pool.lock"

VDEV_OPTIONS = {
    "type": {"type": "str", "choices": list(TYPES), "default": "single"},
    "disks": {"type": "list", "elements": "str", "required": True},
    "purpose": {"type": "str", "choices": list(PURPOSES), "default": "data"},
    "draid_data": {"type": "int"},
    "draid_spares": {"type": "int", "default": 0},
}


def wanted_from(options: Dict[str, Any]) -> Wanted:
    """What the options ask for."""
    offline = options["offline_disks"]
    return Wanted(
        name=options["name"],
        vdevs=tuple(read_vdevs(options["vdevs"])),
        state=options["state"],
        properties=options["properties"],
        root_properties=options["root_properties"],
        overwrite_disks=tuple(options["overwrite_disks"]),
        overwrite_pools=tuple(options["overwrite_pools"]),
        remove_disks=tuple(options["remove_disks"]),
        offline_disks=None if offline is None else tuple(offline),
        lower_redundancy_to=options["lower_redundancy_to"],
        take_over_from=options["take_over_from"],
        expand=options["expand"],
    )


def as_dict(step: Step) -> Dict[str, Any]:
    """A step as the module returns it."""
    return {
        "action": step.action,
        "text": step.text,
        "commands": [list(argv) for argv in step.commands],
        "destructive": step.destructive,
        "consent": list(step.consent),
    }


def line_of(step: Step) -> str:
    """A step in the diff."""
    return "%s%s\n" % (step.text, " (LOSS, allowed by %s)" % ", ".join(step.consent) if step.destructive else "")


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "choices": ["present", "exported"], "default": "present"},
            "vdevs": {"type": "list", "elements": "dict", "default": [], "options": VDEV_OPTIONS},
            "properties": {"type": "dict", "default": {}},
            "root_properties": {"type": "dict", "default": {}},
            "expand": {"type": "bool", "default": False},
            "scrub": {"type": "str"},
            "trim": {"type": "str"},
            "offline_disks": {"type": "list", "elements": "str"},
            "overwrite_disks": {"type": "list", "elements": "str", "default": []},
            "overwrite_pools": {"type": "list", "elements": "str", "default": []},
            "remove_disks": {"type": "list", "elements": "str", "default": []},
            "lower_redundancy_to": {"type": "int"},
            "take_over_from": {"type": "str", "default": ""},
            "wait": {"type": "int", "default": 0},
        },
        required_if=[("state", "present", ["vdevs"])],
        supports_check_mode=True,
    )
    options, runner = module.params, HostRunner()
    wanted, host = wanted_from(options), ZfsHost(runner)
    times = {"scrub": options["scrub"], "trim": options["trim"]} if wanted.state == "present" else {}
    wrong_times = schedules.problems(times, runner)
    try:
        with hold(LOCK, 600, ZfsError(LOCK, "another run works on pools of this host", "wait for its end")):
            done = host.bring(wanted, module.check_mode or bool(wrong_times))
            problems = wrong_times + done.plan.problems
            if problems:
                text = "%s found, all listed here; nothing was changed.\n%s" % (
                    counted(len(problems), "problem"),
                    readable(problems),
                )
                module.fail_json(msg=text, errors=[problem.as_dict() for problem in problems], steps=list(map(as_dict, done.steps)))
            steps = done.steps + schedule(wanted.name, times, module.check_mode)
        began = any(step.action in ("replace", "attach") for step in done.steps)
        if began and options["wait"] and not module.check_mode and not host.wait_for_resilver(wanted.name, options["wait"]):
            module.fail_json(
                msg="pool %s is still resilvering after %d s" % (wanted.name, options["wait"]), steps=list(map(as_dict, steps))
            )
        after = done.after.pool if module.check_mode or not began else host.read(wanted).pool
    except NoZfsError as error:
        if not module.check_mode:
            module.fail_json(**error.fields())
        steps = [Step("create", "%s; then it is seen what pool %s needs" % (error.remedy, wanted.name), ())]
        module.exit_json(changed=True, steps=list(map(as_dict, steps)), pool=None, diff={"before": "", "after": line_of(steps[0])})
    except ProblemError as error:
        module.fail_json(**error.fields())
    for warning in done.plan.warnings:
        module.warn(warning)
    module.exit_json(changed=bool(steps), steps=list(map(as_dict, steps)), pool=as_data(after), diff=diff_of(done, steps))


def schedule(name: str, times: Dict[str, Any], check: bool) -> List[Step]:
    """Bring the timers to the host."""
    changes: List[str] = []
    for state in schedules.wanted_states(name, times):
        changes += bring_to_state(state, HostRunner(), check).changes
    return [Step("schedule", change, ()) for change in changes]


def diff_of(done: Done, steps: List[Step]) -> Dict[str, str]:
    """The pool as it was, and the steps from there."""
    before = describe(done.before.pool)
    return {"before": before, "after": before + "".join(map(line_of, steps))}


if __name__ == "__main__":
    main()
