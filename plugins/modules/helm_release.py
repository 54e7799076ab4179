#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: helm_release
version_added: 0.1.0
short_description: Bring a Helm release to a chart's version and values
description:
  - Compares the chart's version and the values with what Helm has installed, and upgrades only where they differ.
  - Needs the program of Helm 3 or 4 and a kubeconfig on the host, and no Python library.
  - Both majors apply in the way of Helm 3. By its own default Helm 4 applies on the server, and fails where a controller has filled
    a field that the chart names, such as the CA bundle of a webhook.
options:
  name:
    description: Name of the release.
    type: str
    required: true
  namespace:
    description: Namespace of the release.
    type: str
    required: true
  chart:
    description: A chart's name, its C(oci://) address, or the path of a C(.tgz) on the host.
    type: str
    required: true
  repository:
    description: URL of the repository, for a plain name.
    type: str
    default: ""
  version:
    description: Version of the chart in full, as the chart itself spells it.
    type: str
    required: true
  sha256:
    description: SHA-256 of the chart's C(.tgz); another one is refused. Empty for no check.
    type: str
    default: ""
  crds_chart:
    description:
      - The chart with the definitions of O(chart)'s own kinds, where these are a chart of their own. Repository and version are
        the same.
      - Its objects are applied on the server whenever the release changes. They are no release themselves, since Helm keeps one
        in a single Secret, for which they can be too large.
    type: str
    default: ""
  crds_sha256:
    description: The same as O(sha256) for O(crds_chart).
    type: str
    default: ""
  values:
    description:
      - All values that differ from the chart's own. C(null) takes away one of those.
      - A text, or a list of texts, whose name ends like password, token, secret or apiKey is in no output.
    type: dict
    default: {}
  helm_path:
    description: The program.
    type: str
    default: helm
  timeout:
    description: Seconds for an installation or upgrade. Past them Helm is told to end, and the release counts as failed, which the
      next run mends.
    type: int
    default: 300
extends_documentation_fragment:
  - baremetal.kubernetes.kubernetes_api
  - baremetal.kubernetes.kubernetes_api.kubectl
attributes:
  check_mode:
    support: full
    description: On a host without a kubeconfig the release counts as not installed.
  diff_mode:
    support: full
    description: The values.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Install Cilium
  baremetal.kubernetes.helm_release:
    name: cilium
    namespace: kube-system
    chart: cilium
    repository: https://helm.cilium.io/
    version: 1.20.1
    values:
      kubeProxyReplacement: true
      k8sServiceHost: 192.0.2.100
      k8sServicePort: 8443
"""

RETURN = r"""
reasons:
  description: Why something was done, or in check mode would be.
  type: list
  elements: str
  returned: always
  sample: [not installed]
"""

import json

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.helm import (
    Helm,
    WantedRelease,
    apply_release,
    plan_release,
    read_release,
    secrets,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import (
    KUBECTL_ARGUMENTS,
    Kubectl,
    KubernetesError,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


class HelmReleaseModule(AnsibleModule):
    """Knows the secrets within the values before the invocation reaches the system's log."""

    def _log_invocation(self) -> None:
        self.no_log_values.update(secrets(self.params["values"]))
        super()._log_invocation()


@in_words
def main() -> None:
    module = HelmReleaseModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "namespace": {"type": "str", "required": True},
            "chart": {"type": "str", "required": True},
            "repository": {"type": "str", "default": ""},
            "version": {"type": "str", "required": True},
            "sha256": {"type": "str", "default": ""},
            "crds_chart": {"type": "str", "default": ""},
            "crds_sha256": {"type": "str", "default": ""},
            "values": {"type": "dict", "default": {}},
            **KUBECTL_ARGUMENTS,
            "helm_path": {"type": "str", "default": "helm"},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    options = module.params
    wanted = WantedRelease(**{field: options[field] for field in WantedRelease._fields})
    runner = HostRunner()
    helm = Helm(runner, options["kubeconfig"], options["helm_path"])
    try:
        blank = module.check_mode and not helm.usable()
        current = None if blank else read_release(helm, wanted)
        reasons = plan_release(wanted, current)
        if reasons and not module.check_mode:
            apply_release(helm, Kubectl.from_options(runner, options), wanted, options["timeout"])
    except KubernetesError as error:
        module.fail_json(**error.fields())
    module.no_log_values.update(secrets(current.values if current else {}))
    before = json.dumps(current.values if current else {}, indent=2, sort_keys=True) + "\n"
    after = json.dumps(wanted.values, indent=2, sort_keys=True) + "\n"
    module.exit_json(changed=bool(reasons), reasons=reasons, diff={"before": before, "after": after})


if __name__ == "__main__":
    main()
