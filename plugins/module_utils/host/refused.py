# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine itself refuses in the middle of a module: a full disk, one that became read-only, a right that is missing."""

from __future__ import annotations

import errno
import functools
import json
import sys
from typing import Any, Callable, Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError

REMEDIES = {
    errno.ENOSPC: "make room on that file system (`df -h` and `df -i` say which is full), then run again: it goes on from here",
    errno.EDQUOT: "raise the quota of that file system, or make room in it, then run again",
    errno.EROFS: "look at `dmesg`: a file system becomes read-only when its disk fails; then run again",
    errno.EIO: "look at `dmesg` and at the disk's health; then run again",
    errno.EACCES: "let the play become root on this host",
    errno.EPERM: "let the play become root on this host",
    errno.EMFILE: "raise the limit of open files (role host, host_open_files)",
    errno.ENOMEM: "give the host more memory, or find what has taken it",
    errno.ENOTDIR: "correct the path: a part of it is a file",
    errno.EISDIR: "correct the path: it is a directory",
}


def problem_of(error: OSError) -> ProblemError:
    """The system's error in our words."""
    subject = str(error.filename or "this host")
    what = (error.strerror or str(error) or type(error).__name__).rstrip(".")
    remedy = REMEDIES.get(error.errno or 0, "mend what this names on the host, then run again: it goes on from here")
    return ProblemError(subject, what[:1].lower() + what[1:], remedy)


def fail(fields: Dict[str, Any]) -> None:
    """End as a module that has failed; by what AnsibleModule does, which may not be there yet."""
    sys.stdout.write(json.dumps({"failed": True, **fields}) + "\n")
    raise SystemExit(1)


def in_words(main: Callable[[], None]) -> Callable[[], None]:
    """Of a module's main: it ends with words where the machine refuses something."""

    @functools.wraps(main)
    def run() -> None:
        try:
            main()
        except OSError as error:
            fail(problem_of(error).fields())
        except ValueError as error:
            # What Python says of a path that no system takes.
            if "null byte" not in str(error):
                raise
            fail(ProblemError("a path", "it has a null byte in it", "correct it").fields())

    return run
