from __future__ import annotations

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.apply import apply, plan_apply
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.network_check import manifests


def test_the_api_server_takes_the_pods_of_the_check(kubectl: Kubectl) -> None:
    apply(kubectl, manifests("busybox"))
    assert not plan_apply(kubectl, manifests("busybox")).differs
