# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""zfs_pool, zfs_dataset and role zfs on real ZFS: NVMe disks of a computer in qemu, pulled, replaced and moved to a second one.

The tests go on from each other's state, in the order of the file. Whether a disk was touched is asked of the file behind it.
LAB_CAPTURE=folder keeps what the programs of ZFS printed on the way.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from computer import Computer, Disk

ROOT = pathlib.Path(__file__).resolve().parents[3]
SERIALS = ("LABA", "LABB", "LABC", "LABD", "LABE", "LABF")


class Site:
    """Two computers, and the disks that go between them."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.disks = {serial[-1]: Disk(folder, serial) for serial in SERIALS}
        self.first, self.second = Computer(folder, "zfs1", 22301), Computer(folder, "zfs2", 22302)

    def names(self, letters: str) -> list[str]:
        return [self.disks[letter].name for letter in letters]

    def mirror(self, letters: str, **more: Any) -> dict[str, Any]:
        return {"type": "mirror", "disks": self.names(letters), **more}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("zfs"))
    try:
        made.first.start(*made.disks.values())
        # An emulated udev tells zed of the partitions that zpool made, and made anew, so late that zed takes a disk for removed
        # that a pool has by then. Role zfs starts it again; what becomes of a disk that was pulled, the kernel sees by itself.
        made.first.run("zgenhostid -f 0a0a0a01; systemctl stop zfs-zed; modprobe zfs")
        yield made
    finally:
        made.first.stop()
        made.second.stop()


def call(computer: Computer, module: str, arguments: dict[str, Any], check: bool = False) -> dict[str, Any]:
    """What a module answers on a computer."""
    return computer.module(module, {**arguments, "_ansible_check_mode": check, "_ansible_diff": True})


def pool(computer: Computer, vdevs: list[dict[str, Any]], check: bool = False, **more: Any) -> dict[str, Any]:
    return call(computer, "zfs_pool", {"name": "tank", "vdevs": vdevs, **more}, check)


def actions(answer: dict[str, Any]) -> list[str]:
    assert not answer.get("failed"), answer.get("msg")
    return [step["action"] for step in answer["steps"]]


def unchanged(computer: Computer, vdevs: list[dict[str, Any]], **more: Any) -> None:
    answer = pool(computer, vdevs, **more)
    assert (actions(answer), answer["changed"]) == ([], False)


@contextlib.contextmanager
def untouched(site: Site, letters: str) -> Iterator[None]:
    """Not a byte of these disks changes."""
    site.first.flush()
    before = {letter: site.disks[letter].digest() for letter in letters}
    yield
    site.first.flush()
    assert {letter: site.disks[letter].digest() for letter in letters} == before


def refused(site: Site, letters: str, vdevs: list[dict[str, Any]], words: str, **more: Any) -> None:
    """It is refused in check mode and for real, and not a byte of these disks changes."""
    with untouched(site, letters):
        for check in (True, False):
            answer = pool(site.first, vdevs, check, **more)
            assert answer.get("failed"), answer
            assert words in answer["msg"], answer["msg"]


def capture(computer: Computer, name: str, command: str) -> None:
    if os.environ.get("LAB_CAPTURE"):
        version = computer.run("zfs version").split()[0].split("-")[1]
        folder = pathlib.Path(os.environ["LAB_CAPTURE"], version)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(computer.run(command, check=False) + "\n")


def capture_status(computer: Computer, name: str) -> None:
    capture(computer, f"status_{name}.txt", "zpool status -P")
    capture(computer, f"status_{name}.guids.txt", "zpool status -g")
    if json_status(computer):
        capture(computer, f"status_{name}.json", "zpool status --json --json-int -P")


def json_status(computer: Computer) -> bool:
    """Whether its ZFS is that of the backports (2.3), else 2.1."""
    return computer.run("zfs version").startswith("zfs-2.3")


def test_a_disk_with_anything_on_it_is_refused_and_stays_as_it_is(site: Site) -> None:
    mirror = [site.mirror("AB")]
    disk = site.disks["B"].name
    for make, found, clean in (
        (f"mke2fs -q -F {disk}", "ext", f"wipefs -q -a {disk}"),
        (f"echo label: gpt | sfdisk -q {disk}", "gpt", f"wipefs -q -a {disk}"),
        (f"mkswap {disk}", "swap", f"wipefs -q -a {disk}"),
        (f"printf data | dd of={disk} bs=4096 seek=3 conv=fsync status=none", "bytes that belong to nothing known", "true"),
    ):
        site.first.run(make)
        refused(site, "AB", mirror, found)
        site.first.run(f"{clean}; blkdiscard -z {disk}; udevadm settle")


def test_a_disk_that_is_mounted_is_refused_whatever_is_said(site: Site) -> None:
    disk = site.disks["B"].name
    site.first.run(f"mke2fs -q -F {disk} && mount {disk} /mnt && echo keep > /mnt/file && sync")
    everything = {"overwrite_disks": site.names("AB"), "lower_redundancy_to": 0, "remove_disks": site.names("AB")}
    answer = pool(site.first, [site.mirror("AB")], **everything)
    assert "is mounted at /mnt" in answer["msg"]
    assert site.first.run("cat /mnt/file") == "keep"
    site.first.run(f"umount /mnt; wipefs -q -a {disk}; blkdiscard -z {disk}; udevadm settle")


def test_check_mode_touches_no_disk(site: Site) -> None:
    with untouched(site, "AB"):
        answer = pool(site.first, [site.mirror("AB")], check=True)
        assert actions(answer) == ["create"]
        assert "create pool tank" in answer["diff"]["after"]


def test_a_pool_is_made_and_the_second_run_changes_nothing(site: Site) -> None:
    mirror = [site.mirror("AB")]
    wanted = {
        "properties": {"ashift": 12, "autotrim": True},
        "root_properties": {"compression": "lz4", "atime": False, "acltype": "posix"},
    }
    wanted |= {"scrub": "monthly", "trim": "weekly"}
    answer = pool(site.first, mirror, **wanted)
    assert actions(answer)[0] == "create"
    assert answer["pool"]["may_lose"] == 1
    assert site.first.run("zpool list -H -o health tank") == "ONLINE"
    assert site.first.run("systemctl is-enabled zpool-scrub-tank.timer zpool-trim-tank.timer").split() == ["enabled", "enabled"]
    unchanged(site.first, mirror, **wanted)
    # By any name of theirs.
    kernel = site.first.run(f"readlink -f {site.disks['A'].name}")
    unchanged(site.first, [{"type": "mirror", "disks": [kernel, site.disks["B"].name + "_1"]}])
    site.first.run("systemctl start zpool-scrub-tank.service")
    capture_status(site.first, "mirror")
    capture(site.first, "get_all.txt", "zpool get -Hp -o property,value all tank")
    capture(site.first, "label_member.txt", f"zdb -l {site.disks['A'].name}-part1")
    site.first.run("dd if=/dev/urandom of=/tank/data bs=1M count=40 status=none && sha256sum /tank/data > /tank/sum")


def test_a_disk_of_the_pool_is_refused_for_another_one(site: Site) -> None:
    everything = {"overwrite_disks": site.names("ABC"), "overwrite_pools": ["tank"], "lower_redundancy_to": 0}
    answer = call(site.first, "zfs_pool", {"name": "other", "vdevs": [site.mirror("BC")], **everything})
    assert "is in the imported pool tank" in answer["msg"]


def test_the_mirror_becomes_wider(site: Site) -> None:
    answer = pool(site.first, [site.mirror("ABC")], wait=3600)
    assert actions(answer) == ["attach"]
    assert answer["pool"]["may_lose"] == 2
    unchanged(site.first, [site.mirror("ABC")])
    capture_status(site.first, "three_way")


def test_what_lowers_redundancy_is_refused(site: Site) -> None:
    refused(site, "D", [site.mirror("ABC"), {"disks": site.names("D")}], "lower_redundancy_to")
    refused(site, "D", [site.mirror("AB")], "remove_disks")
    refused(site, "D", [site.mirror("AB")], "lower_redundancy_to", remove_disks=site.names("C"))
    refused(site, "D", [site.mirror("ABD")], "remove_disks")
    refused(site, "D", [site.mirror("ABC")], "lower_redundancy_to", offline_disks=site.names("C"))
    assert site.first.run("zpool status -P tank").count("ONLINE") == 6


def test_a_disk_that_was_pulled_is_missed_and_nothing_is_done_about_it(site: Site) -> None:
    site.first.pull(site.disks["B"])
    # What is not written to may not be missed.
    site.first.until("date > /tank/beat; sync; zpool list -H -o health tank", "DEGRADED")
    capture_status(site.first, "pulled")
    answer = pool(site.first, [site.mirror("ABC")])
    assert actions(answer) == []
    assert answer["pool"]["may_lose"] == 1
    assert any(state in str(answer["warnings"]) for state in ("REMOVED", "UNAVAIL", "FAULTED"))


def test_it_is_replaced_and_the_new_one_resilvered(site: Site) -> None:
    wanted = [site.mirror("ADC")]
    assert actions(pool(site.first, wanted, check=True)) == ["replace"]
    hold = "/sys/module/zfs/parameters/zfs_scan_suspend_progress"
    site.first.run(f"echo 1 > {hold}")
    assert actions(pool(site.first, wanted)) == ["replace"]
    capture_status(site.first, "replacing")
    answer = pool(site.first, wanted, offline_disks=site.names("C"), lower_redundancy_to=0)
    assert "pool tank is resilvering" in answer["msg"]
    site.first.run(f"echo 0 > {hold}; zpool wait -t resilver,replace tank")
    answer = pool(site.first, wanted)
    assert (answer["pool"]["state"], answer["pool"]["may_lose"]) == ("ONLINE", 2)
    assert "resilvered" in site.first.run("zpool status tank")
    site.first.run("sha256sum --check /tank/sum")
    unchanged(site.first, wanted)
    capture_status(site.first, "resilvered")


def test_the_old_disk_that_comes_back_is_not_blank(site: Site) -> None:
    site.first.plug(site.disks["B"])
    layout = [site.mirror("ADC"), {"purpose": "spare", "disks": site.names("B")}]
    refused(site, "B", layout, "overwrite_disks")
    answer = pool(site.first, layout, overwrite_disks=site.names("B"))
    assert actions(answer) == ["wipe", "add"]
    unchanged(site.first, layout)
    capture_status(site.first, "spare")
    assert actions(pool(site.first, [site.mirror("ADC")], remove_disks=site.names("B"))) == ["remove"]


def test_disks_go_offline_and_leave_with_their_consents(site: Site) -> None:
    answer = pool(site.first, [site.mirror("ADC")], offline_disks=site.names("C"), lower_redundancy_to=1)
    assert actions(answer) == ["offline"]
    capture_status(site.first, "offline")
    unchanged(site.first, [site.mirror("ADC")])
    assert actions(pool(site.first, [site.mirror("ADC")], offline_disks=[])) == ["online"]
    site.first.run("zpool wait -t resilver tank")
    answer = pool(site.first, [site.mirror("AD")], remove_disks=site.names("C"), lower_redundancy_to=1)
    assert actions(answer) == ["detach"]
    unchanged(site.first, [site.mirror("AD")])


def test_special_log_and_cache_come_and_the_log_goes(site: Site) -> None:
    layout = [site.mirror("AD"), site.mirror("EF", purpose="special")]
    layout += [{"purpose": "log", "disks": site.names("C")}, {"purpose": "cache", "disks": site.names("B")}]
    assert actions(pool(site.first, layout, overwrite_disks=site.names("BC"))) == ["add", "wipe", "add", "wipe", "add"]
    capture_status(site.first, "classes")
    unchanged(site.first, layout)
    refused(site, "", layout[:2], "remove_disks")
    assert actions(pool(site.first, layout[:2], remove_disks=site.names("BC"))) == ["remove", "remove"]
    unchanged(site.first, layout[:2])


def test_datasets_are_made_and_never_above_files(site: Site) -> None:
    site.first.run("mkdir -p /srv/full && echo keep > /srv/full/file")
    hidden = {"datasets": [{"name": "tank/full", "properties": {"mountpoint": "/srv/full"}}]}
    assert "would hide" in call(site.first, "zfs_dataset", hidden)["msg"]
    assert site.first.run("cat /srv/full/file; zfs list -H -o name -r tank") == "keep\ntank"
    wanted = {"datasets": [{"name": "tank/etcd", "properties": {"mountpoint": "/var/lib/etcd", "recordsize": "8K", "xattr": "sa"}}]}
    assert call(site.first, "zfs_dataset", wanted)["steps"] == ["create dataset tank/etcd"]
    assert call(site.first, "zfs_dataset", wanted)["changed"] is False
    assert site.first.run("findmnt -n -o SOURCE /var/lib/etcd") == "tank/etcd"


def test_the_pool_is_there_after_a_boot(site: Site) -> None:
    site.first.reboot()
    assert site.first.run("zpool list -H -o health tank") == "ONLINE"
    assert site.first.run("findmnt -n -o SOURCE /var/lib/etcd") == "tank/etcd"
    site.first.run("sha256sum --check /tank/sum")
    unchanged(site.first, [site.mirror("AD"), site.mirror("EF", purpose="special")])


def test_a_second_machine_imports_what_the_first_exported(site: Site) -> None:
    layout = [site.mirror("AD"), site.mirror("EF", purpose="special")]
    answer = call(site.first, "zfs_pool", {"name": "tank", "state": "exported"})
    assert actions(answer) == ["export"]
    assert call(site.first, "zfs_pool", {"name": "tank", "state": "exported"})["changed"] is False
    capture(site.first, "import_online.txt", "zpool import")
    site.first.run("sync; systemctl poweroff", check=False)
    site.first.stop()
    site.second.start(*site.disks.values())
    site.second.run("zgenhostid -f 0a0a0a02")
    answer = pool(site.second, layout)
    assert actions(answer) == ["import"]
    unchanged(site.second, layout)
    site.second.run("sha256sum --check /tank/sum")


def test_what_a_dead_machine_did_not_export_is_taken_over_only_by_its_name(site: Site) -> None:
    layout = [site.mirror("AD"), site.mirror("EF", purpose="special")]
    site.second.run("echo alive > /tank/last; sync")
    site.second.stop()
    site.first.start(*site.disks.values())
    capture(site.first, "import_foreign.txt", "zpool import")
    refused(site, "ADEF", layout, "take_over_from: zfs2")
    answer = pool(site.first, layout, take_over_from="zfs2")
    assert actions(answer) == ["import"]
    assert answer["steps"][0]["destructive"] is True
    assert site.first.run("cat /tank/last") == "alive"
    site.first.run("sha256sum --check /tank/sum")


def test_a_pool_of_which_too_little_is_there_is_never_made_anew(site: Site) -> None:
    call(site.first, "zfs_pool", {"name": "tank", "state": "exported"})
    for letter in "AD":
        site.first.pull(site.disks[letter])
    everything = {"overwrite_disks": site.names("BCEF"), "overwrite_pools": ["tank"], "lower_redundancy_to": 0}
    capture(site.first, "import_unavail.txt", "zpool import")
    refused(site, "BCEF", [site.mirror("EF")], "not made anew while it may live", **everything)
    for letter in "AD":
        site.first.plug(site.disks[letter])
    answer = pool(site.first, [site.mirror("AD"), site.mirror("EF", purpose="special")])
    assert actions(answer) == ["import"]
    site.first.run("sha256sum --check /tank/sum")


def test_the_roles_bring_datasets_limits_services_and_the_watch(site: Site) -> None:
    """Whole roles; containerd takes its ZFS snapshotter before OpenZFS 2.2, and overlayfs since."""
    site.first.run("systemctl stop containerd; zfs destroy tank/etcd; rm -rf /var/lib/containerd /var/lib/etcd")
    variables = {
        "zfs_pools": [{"name": "tank", "vdevs": [site.mirror("AD"), site.mirror("EF", purpose="special")]}],
        "zfs_cluster_pool": "tank",
        "zfs_zed_settings": {"ZED_NOTIFY_VERBOSE": 1},
        "cluster_kubernetes_version": "1.30.0",
        "hardware_watch_enabled": True,
        # What qemu's disks say of their spare blocks.
        "hardware_watch_thresholds": {"disk_spare_percent": {"warning": 0}},
    }
    play = [
        {
            "hosts": "all",
            "gather_facts": False,
            "vars": variables,
            "tasks": [
                {"baremetal.kubernetes.node_facts": None},
                {"ansible.builtin.import_role": {"name": "baremetal.kubernetes.zfs"}},
                {"ansible.builtin.import_role": {"name": "baremetal.kubernetes.hardware_watch"}},
            ],
        }
    ]
    book = site.folder / "role.json"
    book.write_text(json.dumps(play))
    site.first.playbook(str(book))
    assert "changed=0" in site.first.playbook(str(book))
    before_22 = not json_status(site.first)
    datasets = {"tank/containerd": "/var/lib/containerd", "tank/etcd": "/var/lib/etcd"}
    if before_22:
        datasets["tank/containerd/snapshots"] = "/var/lib/containerd/io.containerd.snapshotter.v1.zfs"
    snapshotter = "zfs" if before_22 else "overlayfs"
    site.first.run("systemctl daemon-reload; systemctl start containerd")
    assert site.first.until(f"ctr plugins ls | grep -w {snapshotter}", "ok")
    # All of it is there by itself after a boot.
    site.first.reboot()
    for dataset, place in datasets.items():
        assert site.first.run(f"findmnt -n -o SOURCE {place}") == dataset
    assert site.first.run("stat -c %a /var/lib/etcd") == "700"
    assert int(site.first.run("cat /sys/module/zfs/parameters/zfs_arc_max")) == 256 << 20
    timers = ("zpool-scrub-tank", "zpool-trim-tank", "kubernetes-hardware-watch")
    for unit in ("zfs-zed", "containerd", *(f"{timer}.timer" for timer in timers)):
        assert site.first.until(f"systemctl is-active {unit}", "active") == "active"
    # Without its mount, containerd does not begin on the directory below.
    site.first.run("systemctl stop containerd; zfs unmount -f tank/containerd/snapshots; zfs unmount tank/containerd", check=False)
    assert site.first.run("systemctl start containerd && echo started", check=False) == ""


CONDITIONS = "/run/kubernetes-hardware-watch/conditions"


def verdict(computer: Computer, condition: str) -> str:
    """0, 1 or 2, of a look that is taken now."""
    computer.run("systemctl start kubernetes-hardware-watch.service")
    return computer.run(f"cut -c1 {CONDITIONS}/{condition}")


def test_the_watch_reads_real_disks_and_pools(site: Site) -> None:
    # By its timer, after the boot.
    site.first.until(f"ls {CONDITIONS}", "DiskFailing")
    assert [verdict(site.first, condition) for condition in ("DiskFailing", "StoragePoolFailing")] == ["0", "0"]
    metrics = site.first.run("cat /var/lib/prometheus/node-exporter/*.prom")
    assert [serial for serial in SERIALS if serial not in metrics] == []
    capture(site.first, "smartctl_scan.json", "smartctl --json=c --scan")
    disk = site.first.run(f"readlink -f {site.disks['A'].name}").removesuffix("n1")
    look = f"smartctl --json=c --info --health --attributes --log=selftest --nocheck=standby {disk}"
    capture(site.first, "smartctl_nvme.json", look)
    # The disk itself now says that its reliability is degraded.
    site.first.qmp("qom-set", path="/machine/peripheral/nvme-LABA", property="smart_critical_warning", value=4)
    assert verdict(site.first, "DiskFailing") == "1"
    assert "reliability is degraded" in site.first.run(f"cat {CONDITIONS}/DiskFailing")
    capture(site.first, "smartctl_nvme_failing.json", look)
