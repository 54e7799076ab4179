# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encryption at rest, by programs that a person can call by hand as well when nothing of this collection is left.

With openssl: ``openssl enc -d -aes-256-cbc -pbkdf2 -iter 600000 -pass file:KEY -in ARCHIVE``. That has no authentication, so a
HMAC of the encrypted file stands beside it. With age, which authenticates by itself: ``age --decrypt --identity FILE ARCHIVE``.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.backup.errors import BackupError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Runner

#: OWASP's count for PBKDF2 with SHA-256, which is what openssl's -pbkdf2 uses.
ITERATIONS = 600000
CHUNK = 1024 * 1024
ENDS = {"openssl": "aes", "age": "age"}


def sha256_of(path: str) -> str:
    """Of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            digest.update(chunk)
    return digest.hexdigest()


def encrypt(runner: Runner, kind: str, source: str, target: str, passphrase_file: str, recipients: Sequence[str]) -> Dict[str, Any]:
    """Encrypt a file; what has to be known to open it again, without the secret.

    :raises BackupError: the program is missing, or said no.
    """
    if kind == "age":
        argv = ["age", "--encrypt", "--output", target]
        for recipient in recipients:
            argv += ["--recipient", recipient]
        _run(runner, argv + [source], source, "install the package age, or set backup_encryption to openssl")
        return {"encryption": "age"}
    _run(
        runner,
        _openssl([], passphrase_file, source, target),
        source,
        "see that the passphrase's file has a line, and the disk room",
    )
    salt = os.urandom(16).hex()
    key = _key(_passphrase(passphrase_file), salt, ITERATIONS)
    return {"encryption": "openssl", "salt": salt, "iterations": ITERATIONS, "mac": _mac(target, key)}


def decrypt(runner: Runner, source: str, target: str, beside: Mapping[str, Any], key_file: str) -> None:
    """Decrypt a whole file; ``key_file`` holds the passphrase, or age's identity.

    :raises BackupError: it is damaged, the key is not its own, or the program is missing.
    """
    if sha256_of(source) != beside["sha256"]:
        raise BackupError(
            source, "it is cut or damaged: its checksum is not the one beside it", "copy it again, or choose another backup"
        )
    if beside.get("encryption") == "age":
        argv = ["age", "--decrypt", "--identity", key_file, "--output", target, source]
        _run(
            runner,
            argv,
            source,
            "give the identity that belongs to one of the recipients, in restore_age_identity; age must be installed",
        )
        return
    passphrase = _passphrase(key_file)
    key = _key(passphrase, str(beside.get("salt", "")), int(beside.get("iterations") or ITERATIONS))
    if not hmac.compare_digest(_mac(source, key), str(beside.get("mac", ""))):
        raise BackupError(
            source, "the passphrase is wrong", "write the one that was in backup_passphrase when this backup was taken"
        )
    _run(runner, _openssl(["-d"], key_file, source, target), source, "choose another backup")


def _openssl(words: List[str], passphrase_file: str, source: str, target: str) -> List[str]:
    cipher = ["openssl", "enc", *words, "-aes-256-cbc", "-pbkdf2", "-iter", str(ITERATIONS), "-salt"]
    return cipher + ["-pass", "file:" + passphrase_file, "-in", source, "-out", target]


def _run(runner: Runner, argv: Sequence[str], subject: str, remedy: str) -> None:
    result = runner.run(argv, timeout=3600)
    if result.rc == NOT_FOUND:
        raise BackupError(argv[0], "it is not installed on this host", "install its package")
    if result.rc != 0:
        words = " / ".join((result.stderr or result.stdout).strip().splitlines()[-2:])[-400:]
        raise BackupError(subject, "%s said: %s" % (argv[0], words or "nothing (exit code %d)" % result.rc), remedy)


def _passphrase(path: str) -> str:
    """The first line, as openssl reads it."""
    try:
        with open(path, encoding="utf-8") as stream:
            line = stream.readline().rstrip("\n")
    except OSError as error:
        raise BackupError(path, "the passphrase can't be read: %s" % error.strerror, "run the playbook backup, which writes it")
    if not line:
        raise BackupError(path, "it is empty", "write the passphrase into backup_passphrase and run the playbook")
    return line


def _key(passphrase: str, salt: str, iterations: int) -> bytes:
    # Another salt than openssl's own, so another key than the cipher's.
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode("utf-8"), b"mac " + salt.encode("ascii"), iterations)


def _mac(path: str, key: bytes) -> str:
    code = hmac.new(key, digestmod=hashlib.sha256)
    with open(path, "rb") as stream:
        for chunk in iter(lambda: stream.read(CHUNK), b""):
            code.update(chunk)
    return code.hexdigest()
