# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files over HTTP: taken up again where a transfer was cut, and in their place only when their checksum is right."""

from __future__ import annotations

import os
import re
import shutil
import time
import urllib.error
from typing import Optional

from ansible.module_utils.urls import ConnectionError as NoConnectionError
from ansible.module_utils.urls import open_url
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.digests import sha256_of
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import BundleError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

ATTEMPTS = 3
_PARTIAL = 206
_BEYOND_THE_END = 416
_FAILURES = (OSError, ValueError, NoConnectionError)
_SHA256 = re.compile(r"\b[0-9a-f]{64}\b")


def size_of(url: str, timeout: float) -> Optional[int]:
    """Bytes of a file, or None where the server does not say."""
    try:
        with open_url(url, method="HEAD", timeout=timeout) as answer:
            length = answer.headers.get("Content-Length")
    except _FAILURES:
        return None
    return int(length) if length and is_digits(length) else None


def published_sha256(url: str, timeout: float) -> str:
    """The checksum that stands beside a file, as its publisher wrote it (``HEX`` or ``HEX  NAME``).

    :raises BundleError: there is none.
    """
    try:
        with open_url(url, timeout=timeout) as answer:
            text = answer.read(65536).decode("ascii", "replace")
    except _FAILURES as error:
        raise BundleError(url, "it can't be read: %s" % error, "see whether the host reaches it and the version exists")
    found = _SHA256.search(text)
    if not found:
        raise BundleError(url, "there is no sha256 in it", "see what the server answers there")
    return found.group(0)


def download(url: str, path: str, sha256: str, timeout: float) -> None:
    """Bring the file to ``path``. What came before a cut stays beside it as ``path.part`` and is not fetched again.

    :raises BundleError: the server does not answer or what it has is something else.
    """
    part = path + ".part"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    problem = ""
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(attempt)
        try:
            _continue(url, part, timeout)
        except _FAILURES as error:
            problem = str(error)
            continue
        digest = sha256_of(part)
        if digest == sha256:
            os.replace(part, path)
            return
        # A part of another file, or a damaged one: from the beginning.
        os.remove(part)
        problem = "it has the sha256 %s, and %s is wanted" % (digest, sha256)
    raise BundleError(url, problem, "see whether the host reaches it; the next run goes on from here")


def _continue(url: str, part: str, timeout: float) -> None:
    have = os.path.getsize(part) if os.path.exists(part) else 0
    headers = {"Range": "bytes=%d-" % have} if have else {}
    try:
        with open_url(url, headers=headers, timeout=timeout) as answer:
            expected = answer.headers.get("Content-Length")
            # A server that knows no ranges sends all of it.
            with open(part, "ab" if answer.getcode() == _PARTIAL else "wb") as stream:
                begun = stream.tell()
                shutil.copyfileobj(answer, stream, 1 << 20)
                came = stream.tell() - begun
    except urllib.error.HTTPError as error:
        if error.code == _BEYOND_THE_END and have:
            return
        raise
    if expected and is_digits(expected) and came != int(expected):
        raise OSError("the transfer was cut after %d of %s bytes" % (came, expected))
