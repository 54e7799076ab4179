"""Backups that are proven, storage that fails in every way, and a cluster that comes back: on its machines, and on new ones."""

from __future__ import annotations

import contextlib
import json
import pathlib
import re
import sys
import time
from typing import Any, Dict, Iterator, List

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "molecule" / "shared"))

from playbooks import Playbooks  # noqa: E402

NEW_MACHINES = ROOT / "molecule" / "backup_restore" / "inventory" / "new_machines.yml"
CONFIRM = "restore_confirm=backup-restore"
DIRECTORY = "/var/backups/kubernetes"
#: Creates ConfigMaps as fast as it can, and notes each that the API has acknowledged.
WRITER = """export KUBECONFIG=/etc/kubernetes/admin.conf
n=0; while [ ! -e /root/stop ]; do n=$((n+1)); name=written-$1-$n
kubectl --request-timeout=3s create configmap $name --from-literal=n=$n >/dev/null 2>&1 && echo $name >> /root/acknowledged
done
"""


def with_storage(s3: Any, **changes: Any) -> List[str]:
    settings: Dict[str, Any] = {"backup_storage": {**s3.settings, **changes}, "backup_every_member": False}
    return ["-e", json.dumps(settings)]


def archives(cluster: Any, name: str) -> List[str]:
    """Whole ones on a node, oldest first."""
    listed = cluster.host(name).run("ls %s" % DIRECTORY).stdout.split()
    return sorted(entry[: -len(".json")] for entry in listed if entry.endswith(".json"))


def last(cluster: Any, name: str) -> Dict[str, Any]:
    report: Dict[str, Any] = json.loads(cluster.host(name).file("/var/lib/baremetal-kubernetes/backup/last.json").content_string)
    return report


def takers(cluster: Any) -> List[str]:
    return [name for name in cluster.control_planes if last(cluster, name)["outcome"] == "taken"]


def failed_units(cluster: Any, name: str) -> str:
    return str(cluster.host(name).run("systemctl --failed --no-legend --plain").stdout)


@pytest.fixture(name="writer")
def _writer(cluster: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    host = cluster.host(cluster.control_planes[0])
    host.run_test("rm -f /root/stop /root/acknowledged; cat > /root/writer.sh <<'X'\n%sX" % WRITER)
    word = re.sub(r"[^a-z]", "-", request.node.name)[-30:].strip("-")
    host.run_test("systemd-run --unit=writer --collect sh /root/writer.sh %s" % word)
    try:
        yield host
    finally:
        # Where the machine is gone by now, so is what ran on it; testinfra raises this for an SSH that does not come through.
        with contextlib.suppress(RuntimeError):
            host.run("touch /root/stop")


def acknowledged(writer: Any) -> List[str]:
    return str(writer.run("cat /root/acknowledged").stdout).split()


def some_acknowledged(writer: Any) -> List[str]:
    """A busy machine writes slowly."""
    end = time.monotonic() + 180
    while len(acknowledged(writer)) <= 10 and time.monotonic() < end:
        time.sleep(2)
    found = acknowledged(writer)
    assert len(found) > 10, "hardly anything was written"
    return found


def destroy_data(cluster: Any) -> None:
    """All members at once lose what they have, while they run."""
    for name in cluster.control_planes:
        cluster.host(name).run_test("rm -rf /var/lib/etcd/member; pkill -9 -x etcd || :")


def restored_in(output: str) -> float:
    return float(re.findall(r"The API was ready ([0-9.]+) s after", output)[0])


def slowest(output: str) -> str:
    """Where a run's seconds went, by Ansible's own profile at its end."""
    return "\n".join(line for line in output.splitlines() if re.search(r" -{3,} +[0-9.]+s$", line))


def present(cluster: Any) -> List[str]:
    return [entry["metadata"]["name"] for entry in cluster.kubectl("get configmaps -o json")["items"]]


def test_each_member_takes_one_that_a_restored_member_proves(cluster: Any) -> None:
    assert cluster.playbook("backup", "--check", "--diff")["changed"] > 0
    assert not cluster.host(cluster.control_planes[0]).file("/etc/baremetal-kubernetes").exists
    cluster.playbook("backup", "--diff")
    for name in cluster.control_planes:
        report = last(cluster, name)
        assert report["outcome"] == "taken" and report["keys"] > 100 and report["revision"] > 100
        assert [DIRECTORY + "/" + archive for archive in archives(cluster, name)] == [report["path"]]
        host = cluster.host(name)
        assert host.file(DIRECTORY).mode == 0o700 and host.file(report["path"]).mode == 0o600
        assert host.file("/etc/baremetal-kubernetes/backup.key").mode == 0o600
        metrics = host.file("/var/lib/prometheus/node-exporter/kubernetes_backup.prom").content_string
        assert 'kubernetes_backup_last_run_success{cluster="backup-restore"} 1' in metrics
        assert host.run("systemctl is-active kubernetes-backup.timer").stdout.strip() == "active"
        assert host.run("find /var/backups /var/lib/baremetal-kubernetes -name '*.db'").stdout == ""


def test_a_second_run_changes_nothing_and_takes_none(cluster: Any) -> None:
    before = archives(cluster, cluster.control_planes[0])
    assert cluster.playbook("backup")["changed"] == 0
    assert cluster.playbook("backup", "--check", "--diff")["changed"] == 0
    assert archives(cluster, cluster.control_planes[0]) == before


def test_bad_settings_are_refused_all_at_once_before_a_host_is_touched(cluster: Any) -> None:
    wrong = {"backup_passphrase": "short", "backup_keep": {"hourly": 0}, "backup_storage": {"endpoint": "s3"}}
    said = cluster.refusal("backup", "-e", json.dumps(wrong))
    for setting in ("backup_passphrase", "backup_keep", "backup_storage.endpoint", "backup_storage.bucket"):
        assert setting in said
    assert "no host was changed" in said


def test_with_storage_only_the_leaders_is_taken_and_uploaded(cluster: Any, s3: Any) -> None:
    cluster.playbook("backup", *with_storage(s3))
    (taker,) = takers(cluster)
    others = [name for name in cluster.control_planes if name != taker]
    assert [last(cluster, name)["left_to"] for name in others] == [taker] * 2
    assert last(cluster, taker)["path"].rpartition("/")[2] in s3.names()
    # Its disk also held one from before: what was never uploaded is made good.
    assert set(s3.names()) == set(archives(cluster, taker))
    assert cluster.playbook("backup", *with_storage(s3))["changed"] == 0


def test_wrong_credentials_fail_the_unit_by_name_and_lose_nothing(cluster: Any, s3: Any) -> None:
    before = s3.names()
    wrong = with_storage(s3, secret_key="not the secret key")
    said = cluster.refusal("backup", *wrong, "-e", "backup_takeover_seconds=0")
    assert "backup_storage.secret_key" in said and "not the secret key" not in said
    assert s3.names() == before
    for name in cluster.control_planes:
        assert "kubernetes-backup.service" in failed_units(cluster, name)
        metrics = cluster.host(name).file("/var/lib/prometheus/node-exporter/kubernetes_backup.prom").content_string
        assert 'kubernetes_backup_last_run_success{cluster="backup-restore"} 0' in metrics
        assert archives(cluster, name), "what was taken stays on the host"


def test_a_cut_upload_is_tried_again_fails_and_is_made_good_by_the_next_run(cluster: Any, s3: Any) -> None:
    s3.wire.allowance = 100_000
    before = s3.names()
    said = cluster.refusal("backup", *with_storage(s3), "-e", "backup_takeover_seconds=0", "-e", "backup_now=true")
    assert "the next run uploads it" in said and s3.names() == before
    waiting = {archive for name in cluster.control_planes for archive in archives(cluster, name)}
    s3.wire.allowance = None
    cluster.playbook("backup", *with_storage(s3), "-e", "backup_now=true")
    (taker,) = takers(cluster)
    assert set(archives(cluster, taker)) <= set(s3.names()) and len(s3.names()) > len(before)
    assert waiting, "the cut run left its archives on the hosts"
    assert "kubernetes-backup.service" not in failed_units(cluster, taker)


def test_a_full_disk_fails_the_unit_and_loses_nothing(cluster: Any, s3: Any) -> None:
    # On every member: who has no room leaves it to the next one.
    full, hosts = "/var/backups/full", {name: cluster.host(name) for name in cluster.control_planes}
    before = {name: archives(cluster, name) for name in hosts}
    for host in hosts.values():
        assert host.run("mkdir -p %s && mount -t tmpfs -o size=1m tmpfs %s" % (full, full)).rc == 0
    try:
        room = ["-e", "backup_directory=" + full, "-e", "backup_takeover_seconds=0"]
        said = cluster.refusal("backup", *with_storage(s3), *room)
        assert "make room" in said and full in said
        assert any("kubernetes-backup.service" in failed_units(cluster, name) for name in hosts)
        for host in hosts.values():
            assert host.run("find %s -type f" % full).stdout == "", "nothing half stays"
    finally:
        for host in hosts.values():
            host.run("umount " + full)
    assert {name: archives(cluster, name) for name in hosts} == before
    cluster.playbook("backup", *with_storage(s3))


def etcd_pids(cluster: Any) -> List[str]:
    return [str(cluster.host(name).run("pgrep -x etcd").stdout) for name in cluster.control_planes]


def test_a_restore_that_can_not_be_is_refused_before_anything_stops(cluster: Any, s3: Any) -> None:
    before = etcd_pids(cluster)
    assert "run again with -e restore_confirm=backup-restore" in cluster.refusal("restore", *with_storage(s3))
    said = cluster.refusal("restore", *with_storage(s3), "-e", CONFIRM, "-e", "restore_passphrase=another-passphrase")
    assert "the passphrase is wrong" in said
    said = cluster.refusal("restore", *with_storage(s3), "-e", CONFIRM, "-e", "restore_from=20200101T000000Z-etcd-cp1.tar.gz.aes")
    assert "there is no 20200101T000000Z-etcd-cp1.tar.gz.aes" in said
    victim = next(path for path in s3.bucket.rglob("*.aes") if path.name == s3.names()[-1])
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-1000])
    try:
        assert "it is cut or damaged" in cluster.refusal("restore", *with_storage(s3), "-e", CONFIRM)
    finally:
        victim.write_bytes(whole)
    run = cluster.run("restore", *with_storage(s3), "--check", "--diff")
    assert run.returncode == 0 and "Nothing was touched" in run.stdout, run.stdout[-4000:]
    assert etcd_pids(cluster) == before and "" not in before


def test_all_members_lost_with_a_writer_running_nothing_from_before_the_backup_is_lost(cluster: Any, s3: Any, writer: Any) -> None:
    wanted = some_acknowledged(writer)
    cluster.playbook("backup", *with_storage(s3), "-e", "backup_now=true")
    destroy_data(cluster)
    run = cluster.run("restore", *with_storage(s3), "-e", CONFIRM)
    assert run.returncode == 0, run.stdout[-6000:]
    print("restored in %.1f s, %d keys acknowledged before" % (restored_in(run.stdout), len(wanted)))
    print(slowest(run.stdout))
    assert not set(wanted) - set(present(cluster))
    cluster.playbook("verify")
    for name in cluster.control_planes:
        assert cluster.host(name).run("ls -d /var/lib/etcd.before-*").stdout.strip()
        assert not cluster.host(name).file("/var/lib/baremetal-kubernetes/restore").exists
    # The topology's own playbook finds nothing to mend.
    assert cluster.playbook("stacked_ha")["changed"] == 0
    assert restored_in(run.stdout) <= 60


def test_a_restore_that_is_killed_goes_on_where_it_stopped(cluster: Any, s3: Any) -> None:
    destroy_data(cluster)
    killed_before = "Start the control plane where it stands"
    Playbooks(cluster.scenario).kill_inside(killed_before, 0, "restore", *with_storage(s3), "-e", CONFIRM)
    run = cluster.run("restore", *with_storage(s3), "-e", CONFIRM)
    assert run.returncode == 0, run.stdout[-6000:]
    cluster.playbook("verify")


def test_new_machines_at_other_addresses_take_the_place_of_lost_ones(cluster: Any, s3: Any, writer: Any) -> None:
    wanted = some_acknowledged(writer)
    cluster.playbook("backup", *with_storage(s3), "-e", "backup_now=true")
    for name in cluster.control_planes:
        cluster.lab("stop", "backup_restore-" + name)
    new = ["--inventory", str(NEW_MACHINES)]
    # A run that gets as far as the machines' packages and images: what follows is the restore itself.
    killed_before = "Stop, set aside what is there, and restore"
    Playbooks(cluster.scenario).kill_inside(killed_before, 0, "restore", *new, *with_storage(s3), "-e", CONFIRM)
    run = cluster.run("restore", *new, *with_storage(s3), "-e", CONFIRM)
    assert run.returncode == 0, run.stdout[-8000:]
    print("new machines: restored in %.1f s, %d keys acknowledged before" % (restored_in(run.stdout), len(wanted)))
    print(slowest(run.stdout))
    addresses = {"cp1": "10.89.84.21", "cp2": "10.89.84.22", "cp3": "10.89.84.23"}
    for name, address in addresses.items():
        cluster.variables[name]["ansible_host"] = address
    assert not set(wanted) - set(present(cluster))
    nodes = cluster.kubectl("get nodes -o json")["items"]
    assert {node["metadata"]["name"]: node["status"]["addresses"][0]["address"] for node in nodes} == addresses
    status = cluster.kubectl("-n kube-system get configmap kubeadm-config -o json")["data"]["ClusterStatus"]
    assert all(address in status for address in addresses.values()) and "10.89.84.11" not in status
    assert cluster.playbook("stacked_ha", *new)["changed"] == 0
    # A backup of the new machines works as those of the old ones did.
    cluster.playbook("backup", *new, *with_storage(s3))
    assert restored_in(run.stdout) <= 60
