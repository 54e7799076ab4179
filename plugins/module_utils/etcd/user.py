# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user that external etcd runs as: a package brings it along, a static pod does not."""

from __future__ import annotations

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import USER
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner


def lacks_user(runner: Runner) -> bool:
    return runner.run(["getent", "passwd", USER]).rc != 0


def make_user(runner: Runner, home: str) -> None:
    """Make the user; ``home`` is etcd's data directory, which is not made.

    :raises HostStateError: with useradd's words.
    """
    argv = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", home, "--shell", "/usr/sbin/nologin", USER]
    result = runner.run(argv, timeout=60)
    if result.rc != 0:
        raise HostStateError("user %s" % USER, "useradd says: %s" % result.stderr.strip(), "make this system user yourself")
