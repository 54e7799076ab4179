# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables of hosts as the check reads them: templates, what nobody can resolve, and what is none of ours."""

from __future__ import annotations

from typing import Any, Dict

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible_collections.baremetal.kubernetes.plugins.plugin_utils.host_variables import HostVariables


class Hosts(Dict[str, Dict[str, Any]]):
    """Ansible's hostvars, as far as they are asked."""

    def raw_get(self, host: str) -> Dict[str, Any]:
        return self[host]


def reader(**variables: Any) -> HostVariables:
    hostvars = Hosts(cp1=variables, cp2=variables)
    return HostVariables(DataLoader(), {"hostvars": hostvars, "groups": {"control_plane": ["cp1", "cp2"]}}, {})


class Raising(HostVariables):
    """Each template ends by an error."""

    error: Exception = ValueError()

    def _templated(self, value: Any, context: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "problem", "remedy"),
    [
        (AnsibleError("'vip' is undefined"), "'vip' is undefined", "define vip"),
        (AnsibleError("An unhandled exception. Error was x, original message: division by zero"), ": division by zero", "correct"),
        # ansible-core 2.17 lets them pass.
        (ZeroDivisionError("division by zero"), ": division by zero", "correct"),
        (RecursionError("maximum recursion depth exceeded"), ": maximum recursion", "correct"),
    ],
)
def test_whatever_ends_a_template_is_said_in_its_last_words(error: Exception, problem: str, remedy: str) -> None:
    hostvars = Hosts(cp1={"cluster_vip": "{{ vip }}"}, cp2={"cluster_vip": "{{ vip }}"})
    raising = Raising(DataLoader(), {"hostvars": hostvars, "groups": {}}, {})
    raising.error = error
    for host in hostvars:
        raising.read(host, ["control_plane"])
    (found,) = raising.problems
    assert problem in found.problem and "Error was" not in found.problem
    assert found.remedy.startswith(remedy)
    assert found.hosts == ("cp1", "cp2")


def test_what_is_none_of_ours_is_kept_apart() -> None:
    read = reader(cluster_cni="flannel", zfs_arc_max_mib=1, pod_subnet="10.1.0.0/16", ansible_host="192.0.2.1", _mine=1)
    read.read("cp1", ["control_plane"])
    assert read.others == {"pod_subnet": ("10.1.0.0/16", ["cp1"])}
    assert read.given == {"cluster_cni", "zfs_arc_max_mib"}


def test_a_setting_that_only_its_role_can_know_is_told_as_one() -> None:
    hostvars = Hosts(cp1={"keepalived_hmac_key": "{{ lookup('file', 'key') }}"})
    raising = Raising(DataLoader(), {"hostvars": hostvars, "groups": {}}, {})
    raising.error = AnsibleError("no such file")
    entry, _settings = raising.read("cp1", ["control_plane"])
    assert entry["later"] == ["keepalived_hmac_key"]
    assert raising.problems == []
