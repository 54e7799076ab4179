#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_network_check
version_added: 0.1.0
short_description: Try whether pods talk across nodes, reach services and find them by name
description:
  - Starts a pod on every node in a namespace of its own, lets each connect to the next one's and to a service, and removes all
    of it. A connection that fails at first is tried again for half a minute, since kube-proxy needs a moment for a new service.
options:
  image:
    description: Image with a shell, httpd, timeout and wget, as busybox has them, or agnhost.
    type: str
    default: registry.k8s.io/e2e-test-images/agnhost:2.53
  dns_domain:
    description: The cluster's domain.
    type: str
    default: cluster.local
  dns:
    description: Whether services must be found by name.
    type: bool
    default: true
  timeout:
    description: Seconds for the pods to start.
    type: int
    default: 180
extends_documentation_fragment:
  - baremetal.kubernetes.kubernetes_api
  - baremetal.kubernetes.kubernetes_api.kubectl
attributes:
  check_mode:
    support: full
    description: Nothing is tried.
  diff_mode:
    support: none
    description: What it makes, it removes again.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Try the pod network
  baremetal.kubernetes.cluster_network_check:
    image: docker.io/library/busybox:1.35.0
"""

RETURN = r"""
tried:
  description: How many connections were tried.
  type: int
  returned: always
failed_connections:
  description: Those that do not work.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import (
    KUBECTL_ARGUMENTS,
    Kubectl,
    KubernetesError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.network_check import check_network
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "image": {"type": "str", "default": "registry.k8s.io/e2e-test-images/agnhost:2.53"},
            "dns_domain": {"type": "str", "default": "cluster.local"},
            "dns": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 180},
            **KUBECTL_ARGUMENTS,
        },
        supports_check_mode=True,
    )
    if module.check_mode:
        module.exit_json(changed=False, tried=0, failed_connections=[])
    options = module.params
    kubectl = Kubectl.from_options(HostRunner(), options)
    try:
        failed, tried = check_network(kubectl, options["image"], options["dns_domain"], options["dns"], options["timeout"])
    except KubernetesError as error:
        module.fail_json(**error.fields())
    if failed:
        message = "%d of %d connections in the pod network do not work:\n%s" % (len(failed), tried, "\n".join(failed))
        remedy = "What to do: check the routes between the nodes, their firewalls, and the log of the CNI plugin's pods."
        module.fail_json(msg="%s\n%s" % (message, remedy), tried=tried, failed_connections=failed)
    module.exit_json(changed=False, tried=tried, failed_connections=[])


if __name__ == "__main__":
    main()
