# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both ways of encryption, with the real programs; and what is said where a program or a key is missing."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
from typing import Any, Dict

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.encryption import decrypt, encrypt, sha256_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner, Result

needs_age = pytest.mark.skipif(shutil.which("age") is None, reason="no age is installed (Debian: age)")


@pytest.fixture(name="plain")
def _plain(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "plain"
    path.write_bytes(b"every secret of the cluster" * 1000)
    return path


def sealed(plain: pathlib.Path, kind: str, **how: Any) -> Dict[str, Any]:
    target = plain.with_name("sealed")
    beside = encrypt(HostRunner(), kind, str(plain), str(target), how.get("passphrase_file", ""), how.get("recipients", ()))
    assert b"secret" not in target.read_bytes()
    return {**beside, "sha256": sha256_of(str(target))}


def opened(plain: pathlib.Path, beside: Dict[str, Any], key: pathlib.Path) -> bytes:
    target = plain.with_name("opened")
    decrypt(HostRunner(), str(plain.with_name("sealed")), str(target), beside, str(key))
    return target.read_bytes()


def test_openssl_there_and_back_and_each_time_with_another_salt(plain: pathlib.Path, tmp_path: pathlib.Path) -> None:
    key = tmp_path / "key"
    key.write_text("ein Paßwort mit Umlauten\n", encoding="utf-8")
    first = sealed(plain, "openssl", passphrase_file=str(key))
    second = sealed(plain, "openssl", passphrase_file=str(key))
    assert first["salt"] != second["salt"] and first["sha256"] != second["sha256"]
    assert opened(plain, second, key) == plain.read_bytes()


def test_what_was_changed_together_with_its_checksum_is_refused(plain: pathlib.Path, tmp_path: pathlib.Path) -> None:
    key = tmp_path / "key"
    key.write_text("a passphrase of some length\n")
    beside = sealed(plain, "openssl", passphrase_file=str(key))
    target = plain.with_name("sealed")
    target.write_bytes(target.read_bytes()[:-16] + b"x" * 16)
    with pytest.raises(BackupError, match="the passphrase is wrong"):
        opened(plain, {**beside, "sha256": sha256_of(str(target))}, key)


@needs_age
def test_age_encrypts_for_a_key_that_the_host_does_not_have(plain: pathlib.Path, tmp_path: pathlib.Path) -> None:
    keys = []
    for name in ("ours", "anothers"):
        subprocess.run(["age-keygen", "-o", str(tmp_path / name)], check=True, capture_output=True)
        keys.append(
            subprocess.run(["age-keygen", "-y", str(tmp_path / name)], check=True, capture_output=True, text=True).stdout.strip()
        )
    beside = sealed(plain, "age", recipients=(keys[0],))
    assert opened(plain, beside, tmp_path / "ours") == plain.read_bytes()
    with pytest.raises(BackupError, match="restore_age_identity"):
        opened(plain, beside, tmp_path / "anothers")


def test_a_missing_program_and_a_missing_passphrase_are_named(plain: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BackupError, match="openssl said"):
        sealed(plain, "openssl", passphrase_file="/does/not/exist")
    monkeypatch.setattr(HostRunner, "run", lambda *words, **more: Result(127, "", "not found"))
    with pytest.raises(BackupError, match="age: it is not installed on this host"):
        sealed(plain, "age", recipients=("age1",))
