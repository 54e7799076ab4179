# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Datasets are made once, parents first, and never above files that they would hide."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.updates import newest_kernel
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Result
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.datasets import Found, WantedDataset, bring, make_plan
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.host import NoZfsError, ZfsError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs.kernels import kernel_without_module
from fakes import FakeRunner

TANK = {"type": "filesystem", "mountpoint": "none", "mounted": "no", "canmount": "on"}
ETCD = {"type": "filesystem", "mountpoint": "/var/lib/etcd", "mounted": "yes", "canmount": "on", "recordsize": "8192"}


def found(full: Any = (), **datasets: Dict[str, str]) -> Found:
    return Found((2, 1, 11), {name.replace("__", "/"): entry for name, entry in datasets.items()}, tuple(full))


def etcd(**properties: Any) -> WantedDataset:
    return WantedDataset("tank/etcd", {"mountpoint": "/var/lib/etcd", "recordsize": "8K", **properties})


def commands(plan: Any) -> List[str]:
    assert plan.problems == []
    return [" ".join(argv) for step in plan.steps for argv in step.commands]


def problem(plan: Any) -> str:
    assert plan.steps == []
    (one,) = plan.problems
    return "%s: %s" % (one.setting, one.problem)


def test_what_is_missing_is_made_with_its_properties_and_parents_first() -> None:
    wanted = [WantedDataset("tank/a/b"), etcd(), WantedDataset("tank/a", {"mountpoint": "none"})]
    assert commands(make_plan(wanted, found(tank=TANK))) == [
        "zfs create -o mountpoint=/var/lib/etcd -o recordsize=8K tank/etcd",
        "zfs create -o mountpoint=none tank/a",
        "zfs create tank/a/b",
    ]


def test_what_is_right_stays_and_what_is_not_is_set() -> None:
    assert commands(make_plan([etcd()], found(tank=TANK, tank__etcd=ETCD))) == []
    assert commands(make_plan([etcd(recordsize="16K")], found(tank=TANK, tank__etcd=ETCD))) == ["zfs set recordsize=16K tank/etcd"]
    assert commands(make_plan([etcd()], found(tank=TANK, tank__etcd={**ETCD, "mounted": "no"}))) == ["zfs mount tank/etcd"]


def test_files_are_never_hidden_below_a_mount() -> None:
    said = problem(make_plan([etcd()], found(["/var/lib/etcd"], tank=TANK)))
    assert said == "datasets[0]: /var/lib/etcd has files, which tank/etcd, mounted above them, would hide"
    not_mounted = found(["/var/lib/etcd"], tank=TANK, tank__etcd={**ETCD, "mounted": "no"})
    assert "would hide" in problem(make_plan([etcd()], not_mounted))
    elsewhere = found(["/var/lib/etcd"], tank=TANK, tank__etcd={**ETCD, "mountpoint": "/old"})
    assert "would hide" in problem(make_plan([etcd()], elsewhere))
    inherited = found(["/tank/etcd"], tank={**TANK, "mountpoint": "/tank"})
    assert "would hide" in problem(make_plan([WantedDataset("tank/etcd")], inherited))
    assert commands(make_plan([etcd(canmount="noauto")], found(["/var/lib/etcd"], tank=TANK))) != []


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ([WantedDataset("nowhere/etcd")], "datasets[0]: there is no nowhere to make nowhere/etcd in"),
        ([WantedDataset("nowhere")], "datasets[0]: there is no pool nowhere"),
        ([WantedDataset("tank/a/b")], "datasets[0]: there is no tank/a to make tank/a/b in"),
        ([WantedDataset("tank/a@b")], "datasets[0]: 'tank/a@b' is no name of a dataset"),
        ([WantedDataset("-o/x")], "datasets[0]: '-o/x' is no name of a dataset"),
        ([etcd(used=1)], "datasets[0].properties.used: ZFS computes it"),
        ([etcd(casesensitivity="mixed")], "datasets[0].properties.casesensitivity: it is sensitive, and only a new dataset"),
        ([WantedDataset("tank/etcd", {}, "1G")], "datasets[0]: tank/etcd is a file system"),
    ],
)
def test_what_can_not_be_is_refused(wanted: List[WantedDataset], words: str) -> None:
    have = found(tank=TANK, tank__etcd={**ETCD, "casesensitivity": "sensitive"})
    assert problem(make_plan(wanted, have)).startswith(words)


def test_one_name_twice_is_refused() -> None:
    assert {one.problem for one in make_plan([etcd(), etcd()], found(tank=TANK)).problems} == {"tank/etcd is named twice"}


def test_in_check_mode_a_pool_may_be_yet_to_come() -> None:
    assert len(commands(make_plan([etcd(), WantedDataset("tank")], found(), check=True))) == 2


def test_volumes_grow_and_never_shrink() -> None:
    volume = {"type": "volume", "volsize": str(1 << 30)}
    assert commands(make_plan([WantedDataset("tank/v", {}, "1G", True)], found(tank=TANK))) == ["zfs create -s -V 1G tank/v"]
    assert commands(make_plan([WantedDataset("tank/v", {}, "1G")], found(tank=TANK, tank__v=volume))) == []
    assert commands(make_plan([WantedDataset("tank/v", {}, "2G")], found(tank=TANK, tank__v=volume))) == [
        "zfs set volsize=%d tank/v" % (2 << 30)
    ]
    assert "can't lose any" in problem(make_plan([WantedDataset("tank/v", {}, "512M")], found(tank=TANK, tank__v=volume)))


NAMES = "type,mountpoint,mounted,canmount,volsize,recordsize"
GET = ("zfs", "get", "-Hp", "-r", "-t", "filesystem,volume", "-o", "name,property,value", NAMES, "tank")
VERSION = {("zfs", "version"): "zfs-2.1.11-1\nzfs-kmod-2.1.11-1\n", ("zpool", "list", "-H", "-o", "name"): "tank\n"}


def test_a_host_is_read_by_one_call_for_each_pool_and_acted_on_once() -> None:
    create = ("zfs", "create", "-o", "mountpoint=/var/lib/etcd", "-o", "recordsize=8K", "tank/etcd")
    listing = "".join("tank\t%s\t%s\n" % item for item in TANK.items())
    runner = FakeRunner({}, {**VERSION, GET: listing, create: ""})
    assert [step.text for step in bring(runner, [etcd()], False).steps] == ["create dataset tank/etcd"]
    assert create in runner.calls
    runner.calls.clear()
    assert len(bring(runner, [etcd()], True).steps) == 1
    assert create not in runner.calls
    hidden = FakeRunner({"/var/lib/etcd/member/wal": "x"}, {**VERSION, GET: listing, create: ""})
    assert "would hide" in bring(hidden, [etcd()], False).problems[0].problem
    assert create not in hidden.calls


def test_the_files_of_another_dataset_are_hidden_no_more_than_others() -> None:
    other = {**ETCD, "recordsize": "131072"}
    listing = "".join("tank\t%s\t%s\n" % item for item in TANK.items())
    listing += "".join("tank/before\t%s\t%s\n" % item for item in other.items())
    create = ("zfs", "create", "-o", "mountpoint=/var/lib/etcd", "-o", "recordsize=8K", "tank/etcd")
    runner = FakeRunner({"/var/lib/etcd/member/wal": "x"}, {**VERSION, GET: listing, create: ""})
    assert "would hide" in bring(runner, [etcd()], False).problems[0].problem
    assert create not in runner.calls
    own = listing.replace("tank/before", "tank/etcd").replace("131072", "8192")
    assert bring(FakeRunner({"/var/lib/etcd/member/wal": "x"}, {**VERSION, GET: own}), [etcd()], False) == ([], [])


def test_what_zfs_refuses_is_told() -> None:
    with pytest.raises(NoZfsError):
        bring(FakeRunner(), [etcd()], True)
    with pytest.raises(ZfsError, match="no such thing"):
        bring(FakeRunner({}, {**VERSION, GET: Result(1, "", "no such thing")}), [etcd()], True)


def test_a_kernel_without_the_module_is_seen_before_it_boots() -> None:
    files = {
        "/sys/module/zfs/version": "2.1.11",
        "/proc/sys/kernel/osrelease": "6.1.0-9-amd64\n",
        "/lib/modules/6.1.0-9-amd64/modules.dep": "",
        "/lib/modules/6.1.0-41-amd64/modules.dep": "",
        "/boot/vmlinuz-6.1.0-9-amd64": "",
        "/boot/vmlinuz-6.1.0-41-amd64": "",
    }
    modinfo = ("modinfo", "-k", "6.1.0-41-amd64", "-F", "version", "zfs")
    status = {("dkms", "status", "zfs"): "zfs/2.1.11, 6.1.0-9-amd64, x86_64: installed\n"}
    runner = FakeRunner(files, {modinfo: Result(1, "", "modinfo: ERROR: Module zfs not found."), **status})
    assert newest_kernel(runner) == "6.1.0-41-amd64"
    error = kernel_without_module(runner)
    assert error is not None
    assert error.subject == "kernel 6.1.0-41-amd64"
    assert "DKMS says: zfs/2.1.11, 6.1.0-9-amd64, x86_64: installed" in error.problem
    assert error.remedy.endswith("dkms autoinstall -k 6.1.0-41-amd64")
    assert kernel_without_module(FakeRunner(files, {modinfo: "2.1.11-1\n"})) is None
    del files["/sys/module/zfs/version"]
    assert kernel_without_module(FakeRunner(files, {})) is None
