# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a host: what is there, what is wanted, and how one becomes the other without a moment of half a file."""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import shlex
import stat
import tempfile
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, Runner
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import is_digits

HIDDEN = "(sensitive, not shown)\n"


class WantedFile(NamedTuple):
    """One file as the caller wants it; ``content`` is None for directories and absent files."""

    path: str
    state: str = "present"
    content: Optional[str] = None
    mode: str = "0644"
    owner: str = "root"
    group: str = "root"
    sensitive: bool = False
    validate: Optional[str] = None
    block: Optional[str] = None


def default_mode(state: str) -> str:
    """A directory that nobody may search keeps out even root, where root has no capabilities (as in a confined service)."""
    return "0755" if state == "directory" else "0644"


class FileChange(NamedTuple):
    """What has to happen to one path, with both texts for the diff."""

    wanted: WantedFile
    content: Optional[str]
    before: str
    after: str
    reason: str


def markers(name: str) -> Tuple[str, str]:
    """The two lines around a block that this collection owns in somebody else's file."""
    return "# BEGIN baremetal.kubernetes %s" % name, "# END baremetal.kubernetes %s" % name


def with_block(text: str, name: str, content: str) -> str:
    """The text with the named block replaced, appended, or (empty content) removed; other lines stay as they are."""
    begin, end = markers(name)
    before: List[str] = []
    after: List[str] = []
    target, inside, found = before, False, False
    for line in text.splitlines():
        if line == begin and not found:
            inside = found = True
            target = after
        elif line == end and inside:
            inside = False
        elif not inside:
            target.append(line)
    if inside:
        raise HostStateError(
            "block %r" % name, "its first marker stands without its last one", "add the line %r where it ends" % end
        )
    block = [begin] + content.rstrip("\n").splitlines() + [end] if content.strip() else []
    lines = before + block + after
    return "\n".join(lines) + "\n" if lines else ""


def plan_file(wanted: WantedFile) -> Optional[FileChange]:
    """What has to be done for one file, or None where it is as wanted."""
    current = _stat(wanted.path)
    is_directory = current is not None and stat.S_ISDIR(current.st_mode)
    if wanted.state == "absent":
        return _plan_absent(wanted, current, is_directory)
    if current is not None and is_directory != (wanted.state == "directory"):
        raise HostStateError(
            wanted.path,
            "it is a %s, not a %s" % ("directory" if is_directory else "file", wanted.state.replace("present", "file")),
            "move it out of the way",
        )
    attributes = _attribute_changes(wanted, current)
    if wanted.state == "directory":
        if current is not None and not attributes:
            return None
        return FileChange(wanted, None, "" if current is None else "directory\n", "directory\n", _reason(current, attributes))
    text = _read_text(wanted.path) if current is not None else ""
    content = wanted.content or ""
    if wanted.block is not None:
        content = with_block(text, wanted.block, content)
    if current is not None and content == text:
        if not attributes:
            return None
        after = "mode %s, %s:%s\n" % (wanted.mode, wanted.owner, wanted.group)
        return FileChange(wanted, None, attributes + "\n", after, attributes)
    return FileChange(wanted, content, text, content, _reason(current, "content"))


def apply_file(change: FileChange, runner: Runner) -> None:
    """Do what the plan says; a file is validated by its own program before it takes its place."""
    wanted = change.wanted
    uid, gid = _owner_ids(wanted)
    if wanted.state == "absent":
        os.remove(wanted.path)
        return
    if wanted.state == "directory":
        os.makedirs(wanted.path, exist_ok=True)
    elif change.content is not None:
        _write(wanted, change.content, uid, gid, runner)
        return
    os.chown(wanted.path, uid, gid)
    os.chmod(wanted.path, int(wanted.mode, 8))


def apply_now(runner: Runner, wanted: WantedFile) -> None:
    """Write one file where it differs; the caller has told about it in its own words."""
    change = plan_file(wanted)
    if change is not None:
        apply_file(change, runner)


def diff_of(change: FileChange) -> Dict[str, Any]:
    """The change in the shape of Ansible's --diff."""
    hidden = change.wanted.sensitive and change.content is not None
    return {
        "before_header": change.wanted.path,
        "after_header": "%s (%s)" % (change.wanted.path, change.reason),
        "before": (HIDDEN if change.before else "") if hidden else change.before,
        "after": HIDDEN.replace(")", ", changed)") if hidden else change.after,
    }


def nearest_directory(path: str) -> str:
    """The path where it is a directory, else the nearest one above it: what is made there comes onto that one's file system.

    :raises NotADirectoryError: with the path of what stands in the way.
    """
    path = os.path.abspath(path)
    while not os.path.isdir(path):
        if os.path.lexists(path):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
        path = os.path.dirname(path)
    return path


def modified_at(path: str) -> Optional[float]:
    """When the content of a path last changed, as seconds since the epoch; None where it is missing."""
    current = _stat(path)
    return None if current is None else current.st_mtime


def _plan_absent(wanted: WantedFile, current: Optional[os.stat_result], is_directory: bool) -> Optional[FileChange]:
    if current is None:
        return None
    if is_directory:
        raise HostStateError(wanted.path, "it is a directory, and only files are removed here", "remove it by hand")
    return FileChange(wanted, None, _read_text(wanted.path), "", "removed")


def _reason(current: Optional[os.stat_result], what: str) -> str:
    return "new" if current is None else what


def _stat(path: str) -> Optional[os.stat_result]:
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _read_text(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as stream:
        return stream.read()


def _owner_ids(wanted: WantedFile) -> Tuple[int, int]:
    try:
        uid = int(wanted.owner) if is_digits(wanted.owner) else pwd.getpwnam(wanted.owner).pw_uid
        gid = int(wanted.group) if is_digits(wanted.group) else grp.getgrnam(wanted.group).gr_gid
    except KeyError as error:
        raise HostStateError(wanted.path, "no such user or group here: %s" % error, "install what makes it, or name another")
    return uid, gid


def _attribute_changes(wanted: WantedFile, current: Optional[os.stat_result]) -> str:
    if current is None:
        return ""
    changes = []
    mode = stat.S_IMODE(current.st_mode)
    if mode != int(wanted.mode, 8):
        changes.append("mode %04o" % mode)
    try:
        uid, gid = _owner_ids(wanted)
    except HostStateError:
        # The package that makes the user may not be installed yet (check mode); apply refuses.
        uid = gid = -1
    if (current.st_uid, current.st_gid) != (uid, gid):
        changes.append("owner %d:%d" % (current.st_uid, current.st_gid))
    return ", ".join(changes)


def _write(wanted: WantedFile, content: str, uid: int, gid: int, runner: Runner) -> None:
    folder = os.path.dirname(wanted.path)
    os.makedirs(folder, exist_ok=True)
    # Beside its place, so that the rename is atomic and a program that includes the folder's other files can check it.
    descriptor, temporary = tempfile.mkstemp(prefix=".%s." % os.path.basename(wanted.path), dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content.encode("utf-8"))
            stream.flush()
            os.fsync(stream.fileno())
        os.chown(temporary, uid, gid)
        os.chmod(temporary, int(wanted.mode, 8))
        _keep_security_label(wanted.path, temporary)
        _validate(wanted, temporary, runner)
        try:
            os.rename(temporary, wanted.path)
        except OSError as error:
            # A container's bind-mounted file (/etc/hosts) can't be replaced, only written.
            if error.errno != errno.EBUSY:
                raise
            with open(wanted.path, "wb") as stream:
                stream.write(content.encode("utf-8"))
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def _keep_security_label(path: str, temporary: str) -> None:
    # Without SELinux, or for a new file, there is none to keep: the folder's default is right.
    with contextlib.suppress(OSError):
        os.setxattr(temporary, "security.selinux", os.getxattr(path, "security.selinux"))


def _validate(wanted: WantedFile, temporary: str, runner: Runner) -> None:
    if wanted.validate is None:
        return
    argv = [temporary if word == "%s" else word.replace("%s", temporary) for word in shlex.split(wanted.validate)]
    result = runner.run(argv, timeout=60)
    if result.rc == NOT_FOUND:
        raise HostStateError(wanted.path, "%s is not installed, so the file can't be checked" % argv[0], "install it first")
    if result.rc != 0:
        output = (result.stderr.strip() or result.stdout.strip()).replace(temporary, wanted.path)
        raise HostStateError(
            wanted.path, "%s refuses it: %s" % (argv[0], output), "mend the setting that the message names; the old file stays"
        )
