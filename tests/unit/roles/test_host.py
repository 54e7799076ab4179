# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What role host writes."""

from __future__ import annotations

from roles_render import template


def test_a_line_of_the_hosts_file_has_an_address_and_all_its_names() -> None:
    entries = [{"address": "10.0.0.1", "names": ["cp1", "api.example.org"]}, {"address": "fd00::2", "names": ["worker1"]}]
    assert template("host", "hosts.j2", host_entries=entries) == "10.0.0.1 cp1 api.example.org\nfd00::2 worker1\n"
