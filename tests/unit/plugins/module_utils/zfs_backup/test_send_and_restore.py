# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends to a real S3 server, cut, killed, resumed, pruned, restored and tried; ZFS itself is played (zfs_programs)."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
from typing import Any, Dict, Iterator, List

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.storage import Bucket, StorageError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.snapshot.retention import Keep
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup import program
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.host import OURS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.send import Ledger
from ansible_collections.baremetal.kubernetes.plugins.module_utils.zfs_backup.settings import SCRATCH
from ansible_collections.baremetal.kubernetes.plugins.modules import zfs_backup_restore
from module_arguments import patch_module_args
from zfs_pools import PoolRunner

DAY = 86400
#: Every third step of a run is where it is killed; 1 takes a minute of a processor.
STRIDE = int(os.environ.get("KILL_STRIDE", "3"))
MIB = 1024 * 1024


class Cut(Bucket):
    """A network that goes away after some uploads."""

    def __init__(self, bucket: Bucket, uploads: int) -> None:
        self.__dict__.update(bucket.__dict__)
        self.left = uploads

    def put(self, path: str, key: str) -> None:
        if self.left == 0:
            raise StorageError(key, "the connection failed: it is cut", "see that the network holds", passing=True)
        self.left -= 1
        super().put(path, key)


def marks(host: Any, kind: str) -> List[str]:
    return [one["name"] for one in host.pool().dataset("tank/volumes/a")[kind]]


def holds(host: Any) -> List[str]:
    return [tag for one in host.pool().dataset("tank/volumes/a")["snapshots"] for tag in one["holds"]]


def test_a_full_send_and_increments_come_back_at_every_point_after_the_node_has_pruned_its_own(host: Any) -> None:
    was: Dict[int, Dict[str, bytes]] = {}
    for number in range(4):
        host.write("file %d" % number, os.urandom(1500000))
        host.write("changing", b"%d" % number)
        was[host.pool().now] = host.files()
        (done,) = host.sent(keep=Keep(last=9))
        assert done["full"] == (number == 0) and done["uploaded"] == done["size"]
        # What sanoid does when its hours are over: the base is a bookmark from now on.
        for name in marks(host, "snapshots"):
            host.zfs("destroy", "tank/volumes/a@" + name)
        host.later()
    assert len(host.stored()) == 4 and len(marks(host, "bookmarks")) == 1 and holds(host) == []
    for number, (moment, files) in enumerate(was.items()):
        steps = host.restore("tank/back%d" % number, moment + 60)
        assert len(steps) == number + 1 and host.files("tank/back%d" % number) == files
    assert host.restore("tank/back3") == [], "what is restored already stays as it is"


def test_nothing_new_sends_nothing_and_every_full_every_days_days_a_chain_begins(host: Any) -> None:
    assert host.sent()[0]["full"]
    assert host.sent() == []
    host.later(27 * DAY)
    assert not host.sent()[0]["full"]
    host.later(DAY)
    assert host.sent()[0]["full"]
    host.later()
    assert not host.sent()[0]["full"]


@pytest.mark.parametrize("encryption", ["openssl", "age"])
def test_an_upload_that_is_cut_counts_for_nothing_and_goes_on_at_the_part_that_is_missing(
    host: Any, encryption: str, tmp_path: pathlib.Path
) -> None:
    changes: Dict[str, Any] = {"encryption": encryption}
    key = ""
    if encryption == "age":
        if shutil.which("age-keygen") is None:
            pytest.skip("age is not installed")
        key = str(tmp_path / "identity")
        subprocess.run(["age-keygen", "-o", key], check=True, capture_output=True)
        public = subprocess.run(["age-keygen", "-y", key], check=True, capture_output=True, text=True).stdout.strip()
        changes["age_recipients"] = (public,)
    for number in range(6):
        host.write("%d" % number, os.urandom(MIB))
    before = host.files()
    # Dataset volumes takes the first two, its one part and its manifest.
    report = host.run(Cut(host.bucket(), 2 + 4), **changes)
    assert "it is cut" in report["error"] and host.stored() == []
    assert holds(host) == [OURS], "sanoid may not take away what is half sent"
    host.later()
    host.write("later", b"x")
    first, second = host.sent(**changes)
    assert first["full"] and not second["full"]
    assert 0 < first["uploaded"] < first["size"] / 2, "four of seven parts were there already"
    assert holds(host) == []
    (manifest,) = [key for key, _size in host.bucket().list(host.source().root) if first["point"] in key and "manifest" in key]
    assert [part["stream_size"] for part in json.loads(host.bucket().read(manifest))["parts"]][:6] == [MIB] * 6
    host.restore("tank/back", host.pool().now - 60, key=key)
    assert host.files("tank/back") == before
    text = (host.folder / "metrics" / "kubernetes_zfs_backup.prom").read_text()
    assert 'last_run_success{cluster="lab"} 1' in text and 'points{cluster="lab",dataset="tank/volumes/a"} 2' in text


@contextlib.contextmanager
def tunnel(port: int, most: int) -> Iterator[int]:
    """Passes ``most`` bytes to the server, and cuts whatever is under way then."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        left = [most]

        def one_way(source: socket.socket, target: socket.socket, counts: bool) -> None:
            with contextlib.suppress(OSError):
                for data in iter(lambda: source.recv(65536), b""):
                    left[0] -= len(data) if counts else 0
                    if left[0] < 0:
                        source.shutdown(socket.SHUT_RDWR)
                        target.shutdown(socket.SHUT_RDWR)
                        return
                    target.sendall(data)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    here = listening.accept()[0]
                    there = socket.create_connection(("127.0.0.1", port))
                    for ends in ((here, there, True), (there, here, False)):
                        threading.Thread(target=one_way, args=ends, daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)


def test_a_connection_that_is_cut_within_a_part_leaves_no_half_part(host: Any) -> None:
    host.write("large", os.urandom(4 * MIB))
    port = int(host.settings.storage.endpoint.rpartition(":")[2])
    with tunnel(port, int(2.5 * MIB)) as cut:
        report = host.run(host.bucket(host.settings.storage._replace(endpoint="http://127.0.0.1:%d" % cut)))
    assert "the connection failed" in report["error"] and host.stored() == []
    (done,) = host.sent()
    assert done["size"] - 2 * MIB - 4096 < done["uploaded"] < done["size"] - MIB
    host.restore("tank/back")
    assert host.files("tank/back") == host.files()


def killed_before(host: Any, number: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """A run in a process of its own, which SIGKILL ends before its n-th step; whether it had so many."""
    child = os.fork()
    if child == 0:
        calls = [0]

        def dying(function: Any) -> Any:
            def call(*words: Any, **more: Any) -> Any:
                calls[0] += 1
                if calls[0] == number:
                    os.kill(os.getpid(), signal.SIGKILL)
                return function(*words, **more)

            return call

        for owner, name in ((Bucket, "_call"), (PoolRunner, "run"), (Ledger, "write")):
            monkeypatch.setattr(owner, name, dying(getattr(owner, name)))
        try:
            os._exit(1 if host.run()["error"] else 0)
        except BaseException:
            os._exit(2)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_a_run_that_is_killed_at_one_step_after_the_other_is_completed_by_the_next_one(
    host: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.sent()
    number = 1
    while killed_before(host, number, monkeypatch):
        number += STRIDE
        # What is under way goes on, and then there is something newer, too; sometimes of two parts.
        host.write("f", os.urandom(MIB + 9 if number % 4 == 0 else 9))
        host.later()
        for point in host.source().read().of("tank/volumes/a"):
            assert host.bucket().read("%s/%s/manifest.json" % (host.source().root, point.path))
    assert number > 12, "a run has more steps than that"
    host.sent()
    newest = host.stored()[-1]
    assert newest.split("-")[1] == host.pool().dataset("tank/volumes/a")["snapshots"][-1]["guid"]
    assert holds(host) == [] and len(marks(host, "bookmarks")) == 1
    host.restore("tank/back")
    assert host.files("tank/back") == host.files()
    keys = [key for key, _size in host.bucket().list(host.source().root)]
    whole = {key.rpartition("/")[0] for key in keys if key.endswith("manifest.json")}
    assert {key.rpartition("/")[0] for key in keys} == whole, "parts of sends that never ended were left"


def test_retention_leaves_nothing_without_its_base_and_nothing_unneeded(host: Any) -> None:
    was: Dict[int, Dict[str, bytes]] = {}
    for _day in range(7):
        host.write("f", os.urandom(1000))
        was[host.pool().now] = host.files()
        host.sent(keep=Keep(last=2), full_every_days=3)
        host.later(DAY)
    # Days 0 1 2 | 3 4 5 | 6: the last two are 5 and 6, and 5 needs 3 and 4.
    assert [name.endswith("full") for name in host.stored()] == [True, False, False, True]
    newest = sorted(was)[-2:]
    for number, moment in enumerate(newest):
        host.restore("tank/back%d" % number, moment)
        assert host.files("tank/back%d" % number) == was[moment]
    with pytest.raises(BackupError, match="every whole point of it is later"):
        host.restore("tank/early", min(was))


def test_what_is_damaged_or_missing_in_the_bucket_is_refused_before_zfs_gets_it(host: Any, server: Any) -> None:
    host.write("large", os.urandom(2 * MIB))
    host.sent()
    (point,) = host.source().read().of("tank/volumes/a")
    folder = server.folder / "backups" / host.source().root / point.path
    part = folder / "000002.zst.aes"
    whole = part.read_bytes()
    part.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(BackupError, match="it is cut or damaged"):
        host.restore("tank/back")
    assert "tank/back" not in host.pool().data["datasets"], "nothing of it is left"
    part.write_bytes(whole[:-1])
    with pytest.raises(BackupError, match="parts of it are missing or cut: 000002.zst.aes"):
        host.restore("tank/back")
    part.write_bytes(whole)
    (host.folder / "other").write_text("another passphrase\n")
    with pytest.raises(BackupError, match="the passphrase is wrong"):
        host.restore("tank/back", key=str(host.folder / "other"))
    host.restore("tank/back")
    assert host.files("tank/back") == host.files()


def test_no_dataset_is_restored_over_without_its_own_name_as_a_word_and_then_it_is_kept_aside(host: Any) -> None:
    host.write("f", b"one")
    host.sent()
    host.write("f", b"two")
    for replace in ("", "tank/volumes"):
        with pytest.raises(BackupError, match="nothing is restored over one"):
            host.restore("tank/volumes/a", replace=replace)
    assert host.files() == {"f": b"two"}
    steps = host.restore("tank/volumes/a", replace="tank/volumes/a")
    assert steps[0].startswith("rename tank/volumes/a to tank/volumes/a.before-") and host.files() == {"f": b"one"}
    assert host.files(steps[0].split(" to ")[1]) == {"f": b"two"}
    assert host.restore("tank/volumes/a", replace="tank/volumes/a") == [], "killed or not, it is not renamed twice"


def test_a_restore_that_ended_between_two_points_goes_on_and_takes_nobody_elses_dataset(host: Any) -> None:
    for number in range(3):
        host.write("f%d" % number, b"x")
        host.sent()
        host.later()
    host.restore("tank/half", host.pool().now - 2 * 3600 - 60)
    with pytest.raises(BackupError, match="nothing is restored over one"):
        host.restore("tank/half")
    stamp = "lab/w1/tank/volumes/a/@" + host.stored()[-1]
    pool = host.pool()
    pool.dataset("tank/half")["properties"]["kubernetes.baremetal:restored-from"] = stamp
    pool.save()
    assert len(host.restore("tank/half")) in (1, 2)
    assert host.files("tank/half") == host.files()


def test_another_passphrase_begins_a_chain_that_needs_it_alone(host: Any) -> None:
    host.sent()
    (host.folder / "key").write_text("another one, as long\n")
    assert host.sent() == [], "the same snapshot is there already"
    host.later()
    assert host.sent()[0]["full"]
    host.restore("tank/back")


def test_the_trial_takes_each_dataset_in_turn_compares_files_and_leaves_nothing(host: Any) -> None:
    host.write("f", os.urandom(MIB))
    host.sent()
    told = [host.job().trial() for _turn in range(3)]
    assert [one["error"] for one in told] == [""] * 3
    assert [one["dataset"] for one in told] == ["tank/volumes", "tank/volumes/a", "tank/volumes"]
    assert told[1]["compared"] == {"what": "files", "equal": 1, "why": ""} and told[1]["chain"] == 1
    assert "tank/" + SCRATCH not in host.pool().data["datasets"]
    text = (host.folder / "metrics" / "kubernetes_zfs_backup.prom").read_text()
    assert 'last_trial_success{cluster="lab",dataset="tank/volumes/a"} 1' in text


def test_a_trial_that_finds_another_content_says_so_and_one_that_was_killed_is_cleared_away(host: Any) -> None:
    host.write("f", b"one")
    host.sent()
    pool = host.pool()
    (pool.content(pool.dataset("tank/volumes/a")["snapshots"][-1]) / "f").write_bytes(b"two")
    host.zfs("create", "-o", "kubernetes.baremetal:scratch=yes", "tank/" + SCRATCH)
    host.job().trial()
    told = host.job().trial()
    assert told["dataset"] == "tank/volumes/a" and "restored from the bucket" in told["error"]
    assert (
        'last_trial_success{cluster="lab",dataset="tank/volumes/a"} 0'
        in (host.folder / "metrics" / "kubernetes_zfs_backup.prom").read_text()
    )


def test_a_dataset_that_only_has_the_scratchs_name_is_never_destroyed(host: Any) -> None:
    host.sent()
    host.zfs("create", "tank/" + SCRATCH)
    told = host.job().trial()
    assert "it was not made by a trial restore" in told["error"] and "tank/" + SCRATCH in host.pool().data["datasets"]


def test_a_storage_that_is_away_is_told_and_keeps_the_ages_that_are_known(host: Any) -> None:
    host.sent()
    away = host.settings.storage._replace(endpoint="http://127.0.0.1:9")
    report = host.run(host.bucket(away))
    assert "the connection failed" in report["error"] and report["outcome"] == "failed"
    text = (host.folder / "metrics" / "kubernetes_zfs_backup.prom").read_text()
    assert 'last_run_success{cluster="lab"} 0' in text
    assert 'last_point_timestamp_seconds{cluster="lab",dataset="tank/volumes/a"} 1790000000' in text


def test_a_stream_that_is_other_bytes_the_second_time_is_sent_anew_where_it_differs(host: Any) -> None:
    host.write("large", os.urandom(4 * MIB))
    assert "it is cut" in host.run(Cut(host.bucket(), 2 + 3))["error"]
    # As an older zfs with -e would: the same snapshot, other bytes in the middle.
    pool = host.pool()
    path = pool.content(pool.dataset("tank/volumes/a")["snapshots"][-1]) / "large"
    data = bytearray(path.read_bytes())
    data[int(1.5 * MIB)] ^= 1
    about = path.stat()
    path.write_bytes(bytes(data))
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    (done,) = host.sent()
    assert done["uploaded"] < done["size"] - 1.9 * MIB, "parts before and after it are as they were"
    host.restore("tank/back")
    assert host.files("tank/back")["large"] == bytes(data)


def written(host: Any) -> str:
    """The path of the settings as the role writes them."""
    data = host.settings._asdict()
    data.update(datasets=[{"name": "tank/volumes"}], storage=host.settings.storage._asdict(), keep={"last": 3})
    path = host.folder / "settings.json"
    path.write_text(json.dumps(data))
    return str(path)


def test_the_program_proves_its_settings_sends_lists_and_tries(host: Any, capsys: pytest.CaptureFixture[str]) -> None:
    host.write("f", b"x")
    path = written(host)
    assert program.main(["check"], path, host.state) == 0
    assert host.bucket().list(host.source().root) == [], "a try leaves nothing"
    assert program.main(["run"], path, host.state) == 0 and program.main(["list"], path, host.state) == 0
    assert program.main(["trial"], path, host.state) == 0
    said = capsys.readouterr().out
    assert "2 sent, 0 removed" in said and "tank/volumes/a\t2026-09-21T14:13:20Z" in said and "tank/volumes came back" in said
    (host.folder / "key").unlink()
    assert program.main(["check"], path, host.state) == 1
    assert str(host.folder / "key") in capsys.readouterr().err


def test_the_module_restores_once_and_leaves_no_key_behind(
    host: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    host.write("f", b"x")
    host.sent()
    monkeypatch.setattr(zfs_backup_restore, "STATE", host.state)
    words = {"cluster_name": "lab", "host": "w1", "dataset": "tank/volumes/a", "target": "tank/back"}
    words["storage"] = host.settings.storage._asdict()

    def call(**more: Any) -> Dict[str, Any]:
        with patch_module_args({**words, **more}), pytest.raises(SystemExit):
            zfs_backup_restore.main()
        answer: Dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    assert "passphrase: it is not set" in call()["msg"]
    passphrase = "correct horse battery staple"
    would = call(passphrase=passphrase, _ansible_check_mode=True)
    assert would["changed"] and "would be restored" in would["line"] and "tank/back" not in host.pool().data["datasets"]
    assert call(passphrase=passphrase)["changed"] and host.files("tank/back") == host.files()
    assert not call(passphrase=passphrase)["changed"]
    assert os.listdir(os.path.join(host.state, "restore")) == []
