# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Role zfs_backup's program on real ZFS with the real sanoid: chains to a real S3 server on this machine, cut and restored.

The tests go on from each other's state, in the order of the file. sanoid, zstd and age come from this machine's Debian mirror.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from computer import Computer, Disk

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / ".build" / "collections"), str(ROOT / "tests" / "unit")]

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.program import build  # noqa: E402
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup import program  # noqa: E402
from roles_render import template  # noqa: E402
from s3_server import server  # noqa: E402, F401 - a fixture

PROGRAM = "/usr/local/lib/baremetal-kubernetes/zfs-backup.pyz"
SETTINGS = "/etc/baremetal-kubernetes/zfs-backup.json"
DATASETS = [{"name": "tank/volumes", "recursive": True}]
#: As module zfs_backup_restore does, without a controller.
RESTORE = """
import json, sys
sys.path.insert(0, %r)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.storage import Bucket
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup import restore, settings
wanted = settings.read_settings(open(%r).read())
source = restore.Source(Bucket(wanted.storage), wanted.cluster_name, wanted.host)
plan = restore.plan_restore(HostRunner(), source, sys.argv[1], sys.argv[2], float(sys.argv[3]))
restore.carry_out(HostRunner(), plan, wanted.key_file, "/var/tmp/restore")
print(json.dumps(plan.steps))
"""


class Node:
    """A computer with a pool, whose bucket is a folder of this machine."""

    def __init__(self, computer: Computer, server: Any) -> None:  # noqa: F811
        self.computer, self.server = computer, server
        self.known: list[tuple[float, str]] = []

    def run(self, command: str, check: bool = True) -> str:
        return self.computer.run(command, check)

    def put(self, path: str, content: bytes) -> None:
        command = f"mkdir -p $(dirname {path}) && umask 077 && cat > {path}"
        subprocess.run([*self.computer.ssh(), command], input=content, check=True)

    def program(self, verb: str, check: bool = True) -> str:
        return self.run(f"python3 {PROGRAM} {verb} 2>&1", check)

    def points(self, dataset: str) -> list[pathlib.Path]:
        """Folders of whole points, oldest first."""
        folder = self.server.folder / "backups" / "zfs" / "lab" / "n1" / dataset
        return sorted(path for path in folder.glob("@*") if (path / "manifest.json").exists())

    def send(self) -> None:
        """A snapshot as sanoid takes one an hour later, and its send."""
        self.snapshot()
        self.program("run")
        self.note()

    def snapshot(self) -> None:
        # Names and moments are of whole seconds.
        self.run("sleep 2; zfs snapshot -r tank/volumes@autosnap_$(date +%s)_hourly")

    def note(self) -> None:
        """What dataset a holds now, and when that is."""
        self.known.append((float(self.run("date +%s")), self.sums("tank/volumes/a")))

    def restore(self, dataset: str, target: str, moment: float) -> list[str]:
        steps = json.loads(self.run(f"python3 /root/restore.py {dataset} {target} {moment}"))
        assert isinstance(steps, list)
        return steps

    def sums(self, dataset: str) -> str:
        """Of all files of a dataset, which is mounted for that where it is not."""
        self.run(f"zfs mount -o ro {dataset} 2>/dev/null || mountpoint -q /{dataset}")
        return self.run(
            f"cd /{dataset} && find . -type f | sort | xargs -d '\\n' -r sha256sum; find . -printf '%p %m %u %g %T@ %l\\n' | sort"
        )


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, server: Any) -> Iterator[Node]:  # noqa: F811
    folder = tmp_path_factory.mktemp("snapshots")
    computer = Computer(folder, "n1", 22303)
    disks = [Disk(folder, serial) for serial in ("LABG", "LABH")]
    computer.start(*disks)
    made = Node(computer, server)
    try:
        install(made, folder)
        made.run(f"zpool create tank {disks[0].name} {disks[1].name} && zfs create tank/volumes && zfs create tank/volumes/a")
        made.run("zfs create -V 8M tank/volumes/v")
        made.run("printf 'long enough\\n' | zfs create -o encryption=on -o keyformat=passphrase tank/volumes/e")
        made.put("/etc/sanoid/sanoid.conf", template("zfs_backup", "sanoid.conf.j2", zfs_backup_datasets=DATASETS).encode())
        made.put(PROGRAM, build(program.__name__))
        made.put("/root/restore.py", (RESTORE % (PROGRAM, SETTINGS)).encode())
        made.run("mkdir -p /etc/baremetal-kubernetes && age-keygen -o /etc/baremetal-kubernetes/zfs-backup.age")
        public = made.run("age-keygen -y /etc/baremetal-kubernetes/zfs-backup.age")
        storage = server.storage._replace(endpoint=server.storage.endpoint.replace("127.0.0.1", "10.0.2.2"))._asdict()
        wanted = {"cluster_name": "lab", "host": "n1", "datasets": DATASETS, "storage": storage, "keep": {"last": 9}, "part_mib": 8}
        # Here PBKDF2 would take most of the time.
        wanted.update(encryption="age", age_recipients=[public], age_identity_file="/etc/baremetal-kubernetes/zfs-backup.age")
        made.put(SETTINGS, json.dumps(wanted).encode())
        yield made
    finally:
        computer.stop()


def install(node: Node, folder: pathlib.Path) -> None:
    """Packages that the image lacks, chosen by apt for what is installed there."""
    (folder / "status").write_text(node.run("cat /var/lib/dpkg/status") + "\n")
    archives = folder / "archives"
    (archives / "partial").mkdir(parents=True)
    words = ["apt-get", "-y", "--no-install-recommends", "--download-only", "-o", f"Dir::State::status={folder}/status"]
    words += ["-o", f"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root"]
    subprocess.run([*words, "install", "sanoid", "zstd", "age"], check=True)
    for path in archives.glob("*.deb"):
        node.put(f"/var/tmp/debs/{path.name}", path.read_bytes())
    node.run("dpkg --install /var/tmp/debs/*.deb && systemctl stop sanoid.timer")


def test_sanoid_takes_snapshots_and_all_of_each_dataset_is_sent(node: Node) -> None:
    node.run("cd /tank/volumes/a && dd if=/dev/urandom of=f bs=1M count=3 status=none && ln -s f l && echo x > 'b c'")
    node.run("chmod 640 /tank/volumes/a/f; echo secret > /tank/volumes/e/s")
    node.run("dd if=/dev/urandom of=/dev/zvol/tank/volumes/v bs=1M count=6 conv=notrunc,fsync status=none")
    assert "are usable" in node.program("check")
    assert "4 sent" in node.program("run")
    for dataset in ("tank/volumes", "tank/volumes/a", "tank/volumes/v", "tank/volumes/e"):
        (point,) = node.points(dataset)
        assert point.name.endswith("-full")
    node.note()
    assert "0 sent" in node.program("run")
    assert node.run("zfs list -H -o userrefs -t snapshot -r tank/volumes | sort -u") == "0", "a hold was left"


def test_increments_go_on_from_a_bookmark_when_sanoid_has_removed_the_snapshot(node: Node) -> None:
    for number in range(2):
        node.run(f"cd /tank/volumes/a && echo {number} > n && rm -f 'b c'")
        for place, block in (("/tank/volumes/a/f", 3), ("/dev/zvol/tank/volumes/v", 9)):
            node.run(f"dd if=/dev/urandom of={place} bs=64k seek={block} count=1 conv=notrunc,fsync status=none")
        node.run("for one in $(zfs list -H -o name -t snapshot -r tank/volumes); do zfs destroy $one; done")
        node.send()
        assert [path.name.endswith("-full") for path in node.points("tank/volumes/v")] == [True] + [False] * (number + 1)


def test_a_send_that_is_killed_goes_on_and_does_not_upload_what_is_there(node: Node) -> None:
    node.run("dd if=/dev/urandom of=/tank/volumes/a/large bs=1M count=40 status=none")
    node.snapshot()
    folder = node.server.folder / "backups" / "zfs" / "lab" / "n1" / "tank" / "volumes" / "a"
    whole = len(node.points("tank/volumes/a"))
    node.run(f"nohup python3 {PROGRAM} run > /dev/null 2>&1 & echo $! > /run/sending")
    deadline = time.monotonic() + 1800
    while not list(folder.glob("@*/000003.zst.age")):
        assert time.monotonic() < deadline, "three parts did not come"
        time.sleep(0.2)
    node.run("kill -9 $(cat /run/sending)")
    assert len(node.points("tank/volumes/a")) == whole, "it was over before the kill"
    (first,) = folder.glob("@*/000002.zst.age")
    known = first.stat().st_mtime_ns
    node.program("run")
    node.note()
    assert len(node.points("tank/volumes/a")) > whole
    assert first.stat().st_mtime_ns == known, "ZFS has made the same stream, so this part was there already"


def test_every_point_comes_back_as_it_was(node: Node) -> None:
    for number, (moment, sums) in enumerate(node.known):
        assert len(node.restore("tank/volumes/a", f"tank/back{number}", moment)) > number
        assert node.sums(f"tank/back{number}") == sums
        assert node.restore("tank/volumes/a", f"tank/back{number}", moment) == [], "a second time there is nothing to do"
    refused = node.run("python3 /root/restore.py tank/volumes/a tank/volumes/a 1e12 2>&1", check=False)
    assert "nothing is restored over one" in refused
    node.restore("tank/volumes/v", "tank/back-v", 1e12)
    node.run("udevadm settle; cmp /dev/zvol/tank/volumes/v /dev/zvol/tank/back-v")
    node.restore("tank/volumes/e", "tank/back-e", 1e12)
    node.run("printf 'long enough\\n' | zfs load-key tank/back-e")
    assert node.sums("tank/back-e") == node.sums("tank/volumes/e")


def test_trials_compare_files_and_volumes_and_leave_nothing(node: Node) -> None:
    said = [node.program("trial") for _turn in range(4)]
    assert "files are equal" in said[0] and "files are equal" in said[1], said
    assert "not compared: it is encrypted" in said[2] and "8388608 bytes are equal" in said[3], said
    assert "trial" not in node.run("zfs list -H -o name -r tank")


def test_the_playbooks_go_on_with_the_chain_and_bring_a_dataset_back(node: Node) -> None:
    wanted = json.loads(node.run(f"cat {SETTINGS}"))
    settings = {
        "cluster_name": wanted["cluster_name"],
        "cluster_kubernetes_version": "1.30.0",
        # One processor and a gigabyte: it never becomes a node.
        "cluster_ignore_preflight_errors": ["NumCPU", "Mem"],
        "zfs_backup_datasets": wanted["datasets"],
        "zfs_backup_storage": {name: value for name, value in wanted["storage"].items() if value},
        "zfs_backup_encryption": "age",
        "zfs_backup_age_recipients": wanted["age_recipients"],
        "zfs_backup_age_identity": node.run("cat /etc/baremetal-kubernetes/zfs-backup.age"),
        "zfs_backup_part_mib": wanted["part_mib"],
    }

    def playbook(name: str, *arguments: str, check: bool = True) -> str:
        return node.computer.playbook("baremetal.kubernetes." + name, *arguments, check=check, **settings)

    node.run("echo of the playbook > /tank/volumes/a/n")
    node.snapshot()
    points = len(node.points("tank/volumes/a"))
    playbook("zfs_backup", "-e", "zfs_backup_now=true")
    node.computer.until("systemctl show --property ActiveState --value kubernetes-zfs-backup.service", "inactive")
    assert len(node.points("tank/volumes/a")) > points and not node.points("tank/volumes/a")[-1].name.endswith("-full")
    assert "changed=0" in playbook("zfs_backup")
    assert (
        node.run("systemctl is-active kubernetes-zfs-backup.timer kubernetes-zfs-backup-trial.timer sanoid.timer").split()
        == ["active"] * 3
    )
    onto = ["-e", "zfs_backup_restore_on=n1", "-e", "zfs_backup_restore_dataset=tank/volumes/a"]
    target = [*onto, "-e", "zfs_backup_restore_target=tank/by-playbook"]
    playbook("zfs_backup_restore", *target, "--check")
    assert "by-playbook" not in node.run("zfs list -H -o name")
    playbook("zfs_backup_restore", *target)
    assert node.sums("tank/by-playbook") == node.sums("tank/volumes/a")
    assert "changed=0" in playbook("zfs_backup_restore", *target)
    refused = playbook("zfs_backup_restore", *onto, "-e", "zfs_backup_restore_target=tank/volumes/a", check=False)
    assert "nothing is restored over one" in refused
