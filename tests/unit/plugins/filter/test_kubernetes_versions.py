# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.baremetal.kubernetes.plugins.filter.kubernetes_versions import FilterModule


def test_a_template_gets_the_facts_of_a_version():
    facts = FilterModule().filters()["kubernetes_release"]("1.28.7", "10.0.0.1:5000/k8s")
    assert (facts["minor"], facts["kubeadm_api"], facts["etcd_tag"]) == ("1.28", "v1beta3", "3.5.10-0")
    assert facts["coredns_image"] == "10.0.0.1:5000/k8s/coredns:v1.10.1"
    assert facts["pause_image"] == "10.0.0.1:5000/k8s/pause:3.9"
    assert len(facts["images"]) == 7


def test_what_is_no_version_fails_with_what_to_write():
    with pytest.raises(AnsibleFilterError, match="Write a full version in quotes"):
        FilterModule().filters()["kubernetes_release"]("1.28")
