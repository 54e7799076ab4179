#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: kubeadm_config
short_description: Write kubeadm's configuration file for any Kubernetes version
version_added: 0.1.0
description:
  - Turns one description, which is the same for every Kubernetes version, into a configuration file in the API that the target
    version speaks (v1beta2, v1beta3 or v1beta4).
  - Refuses unknown, misplaced and wrongly typed fields, removed options and values that the version rejects, all at once, each
    with what to write. C(kubeadm config validate) lets wrong values in the kubelet's and kube-proxy's parts and in networks pass;
    this module does not.
  - Where the binary has C(kubeadm config validate) (1.28 and newer), it reads the file before it is put in place.
  - Names in O(init), O(join), O(cluster), O(reset) and O(upgrade) are the API's in snake case, one level flatter where the API
    only groups (C(nodeRegistration), C(localAPIEndpoint), C(patches), C(discovery.bootstrapToken)).
  - Empty values mean that a setting is not set, save an empty list of taints.
author:
  - The baremetal.kubernetes authors (@baremetal-kubernetes)
attributes:
  check_mode:
    support: full
    description: Validates and compares, and writes nothing.
  diff_mode:
    support: full
    description: Shows the file's change. Keys and tokens are masked.
options:
  path:
    description: The file to write.
    type: path
    required: true
  kubernetes_version:
    description: The full version of kubeadm and of the cluster, as in V(1.36.3).
    type: str
    required: true
  documents:
    description:
      - The documents that the file has. What is described but not named here is checked and not written.
      - Before v1beta4 there is no document for V(reset) and V(upgrade); then RV(flags) has their settings.
    type: list
    elements: str
    choices: [init, join, cluster, reset, upgrade, kubelet, kube_proxy]
    required: true
  init:
    description:
      - How C(kubeadm init) treats this node.
      - C(node_name), C(cri_socket), C(taints), C(kubelet_extra_args), C(ignore_preflight_errors), C(image_pull_policy),
        C(image_pull_serial), C(advertise_address), C(bind_port), C(certificate_key), C(bootstrap_tokens), C(skip_phases),
        C(patches_directory), C(dry_run), C(timeouts).
    type: dict
    default: {}
  join:
    description:
      - How C(kubeadm join) treats this node. With C(control_plane), even an empty one, it becomes a control plane.
      - The node settings of O(init), C(ca_cert_path), C(discovery) (C(token), C(api_server_endpoint), C(ca_cert_hashes),
        C(unsafe_skip_ca_verification), C(file), C(tls_bootstrap_token)), C(control_plane) (C(advertise_address), C(bind_port),
        C(certificate_key)), C(skip_phases), C(patches_directory), C(dry_run), C(timeouts).
    type: dict
    default: {}
  cluster:
    description:
      - What the whole cluster shares.
      - C(cluster_name), C(kubernetes_version) (default O(kubernetes_version)), C(control_plane_endpoint), C(image_repository),
        C(certificates_dir), C(feature_gates), C(networking), C(api_server), C(controller_manager), C(scheduler), C(etcd)
        (C(local) or C(external)), C(dns), C(proxy), C(encryption_algorithm), C(certificate_validity_period),
        C(ca_certificate_validity_period).
      - C(proxy.disabled) and C(dns.disabled) become skipped phases where the API has no such field.
    type: dict
    default: {}
  reset:
    description: How C(kubeadm reset) cleans this node.
    type: dict
    default: {}
  upgrade:
    description: How C(kubeadm upgrade) runs, with C(apply), C(node), C(plan), C(diff) and C(timeouts).
    type: dict
    default: {}
  kubelet:
    description: Fields of KubeletConfiguration in the API's own spelling.
    type: dict
    default: {}
  kube_proxy:
    description: Fields of KubeProxyConfiguration in the API's own spelling.
    type: dict
    default: {}
  extra:
    description:
      - Fields by kind (for example C(ClusterConfiguration)), in the API's own spelling, for what has no setting above.
      - Merged last, dictionaries by name, lists replaced, and checked like everything else.
    type: dict
    default: {}
  api_version:
    description: The kubeadm API to write, where it should not be the one that fits O(kubernetes_version).
    type: str
    choices: [v1beta2, v1beta3, v1beta4]
  allow_public_metrics:
    description: Take metrics addresses that listen on public or on all addresses, as where a firewall stands before them.
    type: bool
    default: false
  cgroup_version:
    description: The host's cgroup version. V(1) is refused where the kubelet would not start on it.
    type: int
    choices: [1, 2]
  mode:
    description: The file's mode in octal. The file may have keys and tokens.
    type: str
    default: '0600'
  validate:
    description: Whether C(kubeadm config validate) reads the file before it is put in place, where the version has it.
    type: bool
    default: true
  kubeadm_path:
    description: The kubeadm program.
    type: str
    default: kubeadm
  compare:
    description: Whether to read the running cluster's ClusterConfiguration too, and return what differs.
    type: bool
    default: false
  kubeconfig:
    description: What O(compare) reads the cluster with.
    type: path
    default: /etc/kubernetes/admin.conf
"""

EXAMPLES = r"""
- name: Describe the first control plane
  baremetal.kubernetes.kubeadm_config:
    path: /etc/kubernetes/kubeadm-init.yaml
    kubernetes_version: 1.36.3
    documents: [init, cluster, kubelet, kube_proxy]
    init:
      advertise_address: 10.0.0.11
      node_name: cp1
      cri_socket: unix:///run/containerd/containerd.sock
      certificate_key: "{{ certificate_key }}"
    cluster:
      control_plane_endpoint: 10.0.0.100:8443
      networking:
        pod_subnet: 10.244.0.0/16
        service_subnet: 10.96.0.0/16
      api_server:
        cert_sans: [k8s.example.com]
        extra_args:
          profiling: false
    kubelet:
      cgroupDriver: systemd
      maxPods: 110
    kube_proxy:
      mode: nftables
  register: kubeadm_file

- name: Describe a worker that joins
  baremetal.kubernetes.kubeadm_config:
    path: /etc/kubernetes/kubeadm-join.yaml
    kubernetes_version: 1.36.3
    documents: [join]
    join:
      node_name: worker1
      discovery:
        token: "{{ token }}"
        api_server_endpoint: 10.0.0.100:8443
        ca_cert_hashes: ["{{ ca_hash }}"]

- name: Show what the running cluster has that the description hasn't
  baremetal.kubernetes.kubeadm_config:
    path: /etc/kubernetes/kubeadm-init.yaml
    kubernetes_version: 1.36.3
    documents: [cluster]
    cluster: "{{ cluster_description }}"
    compare: true
  check_mode: true
"""

RETURN = r"""
path:
  description: The file. Null where the API has none of the documents, so that RV(flags) say it all.
  returned: success
  type: str
  sample: /etc/kubernetes/kubeadm-init.yaml
api_version:
  description: The API of kubeadm's own documents.
  returned: success
  type: str
  sample: kubeadm.k8s.io/v1beta4
flags:
  description: Arguments, for the command that reads the file, for what this API has no field for.
  returned: success
  type: list
  elements: str
  sample: ["--skip-phases=addon/kube-proxy"]
flags_by_command:
  description: The same for each of init, join, reset, upgrade_apply, upgrade_node and upgrade_plan.
  returned: success
  type: dict
difference:
  description: Fields in which the running cluster differs, each with C(field), C(cluster) and C(wanted).
  returned: when O(compare=true)
  type: list
  elements: dict
problems:
  description: Everything that is wrong, each with C(setting), C(problem) and C(remedy).
  returned: when the description is refused
  type: list
  elements: dict
"""

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.compare import (
    CompareError,
    differences,
    read_cluster,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.config import DOCUMENTS, render
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.config_file import (
    FileError,
    diff,
    place,
    read,
    secrets,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.errors import ConfigError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


class KubeadmConfigModule(AnsibleModule):
    """Knows the secrets within the free dictionaries before the invocation reaches the system's log."""

    def _log_invocation(self) -> None:
        self.no_log_values.update(secrets(self.params))
        super()._log_invocation()


def argument_spec() -> Dict[str, Any]:
    sections = {name: {"type": "dict", "default": {}} for name in list(DOCUMENTS) + ["extra"]}
    return dict(
        sections,
        path={"type": "path", "required": True},
        kubernetes_version={"type": "str", "required": True},
        documents={"type": "list", "elements": "str", "choices": list(DOCUMENT_CHOICES), "required": True},
        api_version={"type": "str", "choices": ["v1beta2", "v1beta3", "v1beta4"]},
        allow_public_metrics={"type": "bool", "default": False},
        cgroup_version={"type": "int", "choices": [1, 2]},
        mode={"type": "str", "default": "0600"},
        validate={"type": "bool", "default": True},
        kubeadm_path={"type": "str", "default": "kubeadm"},
        compare={"type": "bool", "default": False},
        kubeconfig={"type": "path", "default": "/etc/kubernetes/admin.conf"},
    )


DOCUMENT_CHOICES = ("init", "join", "cluster", "reset", "upgrade", "kubelet", "kube_proxy")


@in_words
def main() -> None:
    module = KubeadmConfigModule(argument_spec=argument_spec(), supports_check_mode=True)
    params = module.params
    module.no_log_values.update(secrets(params))
    runner = HostRunner()
    try:
        mode = int(params["mode"], 8)
    except ValueError:
        module.fail_json(msg="mode: %r is no octal mode. Write one in quotes, as in '0600'." % params["mode"])
    try:
        rendered = render(
            params["kubernetes_version"],
            params["documents"],
            {name: params[name] for name in DOCUMENTS},
            extra=params["extra"],
            api_version=params["api_version"],
            allow_public_metrics=params["allow_public_metrics"],
            cgroup_version=params["cgroup_version"],
        )
        before = read(runner, params["path"])
        result = {
            "path": params["path"] if rendered.text else None,
            "api_version": rendered.api_version,
            "flags": rendered.flags,
            "flags_by_command": rendered.flags_by_command,
            "changed": bool(rendered.text) and (before.text != rendered.text or before.mode != mode),
        }
        warnings = list(rendered.warnings)
        if params["compare"]:
            wanted = next((each for each in rendered.documents if each["kind"] == "ClusterConfiguration"), {})
            result["difference"] = [each.data() for each in differences(read_cluster(runner, params["kubeconfig"]), wanted)]
        if result["changed"]:
            result["diff"] = diff(params["path"], before, rendered.text, mode)
            warnings += place(runner, rendered, params["path"], mode, params["kubeadm_path"], module.check_mode, params["validate"])
    except ConfigError as error:
        module.fail_json(msg=str(error), problems=[problem.data() for problem in error.problems])
    except (FileError, CompareError) as error:
        module.fail_json(msg=str(error), problems=[{"setting": "path", "problem": error.problem, "remedy": error.remedy}])
    for warning in warnings:
        module.warn(warning)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
