#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_health
version_added: 0.1.0
short_description: Report what is healthy in a cluster, and fail on what is not
description:
  - Runs on a control plane and looks at the API server, the endpoint, every member of etcd, nodes, system pods, cluster DNS,
    versions and certificates. Waits while waiting may help.
  - Changes nothing.
options:
  expected_nodes:
    description: Names of the nodes that must be Ready. Without any, all that are in the cluster must be.
    type: list
    elements: str
    default: []
  endpoint:
    description: C(host:port) by which clients reach the API; it is asked, too. Empty for none.
    type: str
    default: ""
  namespaces:
    description: Namespaces whose pods must all run.
    type: list
    elements: str
    default: [kube-system, kube-flannel]
  dns:
    description: Whether the cluster's own DNS must be available.
    type: bool
    default: true
  etcd_endpoints:
    description: Where to ask for etcd's members. Empty means the member on this host.
    type: list
    elements: str
    default: []
  certificates:
    description: Certificates as in RV(baremetal.kubernetes.node_facts#module:ansible_facts), with C(node) where they are another
      host's. Those of this host are read anyway.
    type: list
    elements: dict
    default: []
  certificate_days:
    description: Days that the first certificate to expire must still have. A CA counts, too.
    type: int
    default: 14
  machines:
    description: Name of a node to the physical host that it runs on, for nodes that share one.
    type: dict
    default: {}
  timeout:
    description: Seconds to wait until all is healthy.
    type: int
    default: 300
extends_documentation_fragment:
  - baremetal.kubernetes.kubernetes_api
  - baremetal.kubernetes.kubernetes_api.kubectl
attributes:
  check_mode:
    support: full
    description: Changes nothing anyway, and doesn't wait.
  diff_mode:
    support: none
    description: It changes nothing.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Report the health of the cluster
  baremetal.kubernetes.cluster_health:
    expected_nodes: [cp1, cp2, cp3, worker1]
    endpoint: 192.0.2.100:8443
"""

RETURN = r"""
healthy:
  description: Whether all checks are good. The module fails where they are not.
  type: bool
  returned: always
checks:
  description: What was looked at.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: What was looked at.
      type: str
    ok:
      description: Whether it is good.
      type: bool
    detail:
      description: What was found.
      type: str
    remedy:
      description: Where to look.
      type: str
report:
  description: All of it as lines for a person.
  type: list
  elements: str
  returned: always
lost_together:
  description: Workloads all of whose replicas are on one machine though there are more, and what to do. No reason to fail.
  type: list
  elements: str
  returned: always
waited_for:
  description: What was not healthy yet, and when.
  type: list
  elements: str
  returned: always
"""

from typing import List

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import FormError, check_form
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.health import (
    Check,
    Expectation,
    Seen,
    judge,
    read,
    report,
    wait_until_healthy,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import KUBECTL_ARGUMENTS, Kubectl
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.spread import advice
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.certificates import read as read_certificates
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.problems import Problems
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "expected_nodes": {"type": "list", "elements": "str", "default": []},
            "endpoint": {"type": "str", "default": ""},
            "namespaces": {"type": "list", "elements": "str", "default": ["kube-system", "kube-flannel"]},
            "dns": {"type": "bool", "default": True},
            "etcd_endpoints": {"type": "list", "elements": "str", "default": []},
            "certificates": {"type": "list", "elements": "dict", "default": []},
            "certificate_days": {"type": "int", "default": 14},
            "machines": {"type": "dict", "default": {}},
            "timeout": {"type": "int", "default": 300},
            **KUBECTL_ARGUMENTS,
        },
        supports_check_mode=True,
    )
    options = module.params
    runner = HostRunner()
    certificates = options["certificates"]
    try:
        check_form(certificates, [{"path": str, "days_left": float, "node?": str}])
    except FormError as error:
        module.fail_json(msg="certificates%s. What to do: hand on what module node_facts says of them." % error)
    own = read_certificates(runner, runner.now(), Problems())["certificates"]
    expected = Expectation(
        nodes=options["expected_nodes"],
        endpoint=options["endpoint"],
        namespaces=options["namespaces"],
        dns=options["dns"],
        etcd_endpoints=options["etcd_endpoints"],
        certificates=own + certificates,
        certificate_days=options["certificate_days"],
    )
    kubectl = Kubectl.from_options(runner, options)
    endpoint = None
    if expected.endpoint:
        endpoint = Kubectl.from_options(runner, options, server="https://" + expected.endpoint)

    last: List[Seen] = []

    def look() -> List[Check]:
        last[:] = [read(runner, kubectl, endpoint, expected)]
        return judge(last[0], expected)

    checks, waited = wait_until_healthy(look, 0 if module.check_mode else options["timeout"])
    seen = last[0]
    lost_together = advice([*seen.stateful_sets, *seen.deployments], seen.pods, seen.nodes, options["machines"])
    text = "\n".join([report(checks, waited)] + ["NOTICE  " + line for line in lost_together])
    result = {
        "changed": False,
        "healthy": all(check.ok for check in checks),
        "checks": [{"name": check.name, "ok": check.ok, "detail": check.detail, "remedy": check.remedy} for check in checks],
        "report": text.splitlines(),
        "waited_for": waited,
        "lost_together": lost_together,
    }
    if not result["healthy"]:
        module.fail_json(msg="The cluster is not healthy.\n" + text, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
