# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine refuses in the middle of a module ends in words."""

from __future__ import annotations

import errno
import json
import os
from typing import Any

import pytest
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left on device. What to do: make room on that file system"),
        (errno.EROFS, "read-only file system. What to do: look at `dmesg`"),
        (errno.EACCES, "permission denied. What to do: let the play become root"),
        (errno.ELOOP, "What to do: mend what this names"),
    ],
)
def test_the_systems_refusal_is_a_failure_with_a_remedy(number: int, words: str, capsys: Any) -> None:
    @in_words
    def main() -> None:
        raise OSError(number, os.strerror(number), "/var/lib/etcd/new")

    with pytest.raises(SystemExit) as ended:
        main()
    said = json.loads(capsys.readouterr().out)
    assert ended.value.code == 1 and said["failed"] is True and said["subject"] == "/var/lib/etcd/new"
    assert words in said["msg"]


def test_a_path_that_no_system_takes_is_refused_and_a_mistake_of_ours_is_not_hidden(capsys: Any) -> None:
    @in_words
    def main() -> None:
        open("a\0b").close()

    with pytest.raises(SystemExit):
        main()
    assert "null byte" in json.loads(capsys.readouterr().out)["msg"]

    @in_words
    def wrong() -> None:
        raise ValueError("ours")

    with pytest.raises(ValueError, match="ours"):
        wrong()
