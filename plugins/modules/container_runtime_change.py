#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_runtime_change
version_added: 0.1.0
short_description: Take a node's kubelet from one container runtime to another
description:
  - Stops the kubelet, ends all containers of the old runtime, stops and disables that where nothing needs it any more, gives the
    kubelet the new one's socket, starts it, and waits until the node is Ready with it.
  - The node should be empty (see M(baremetal.kubernetes.node_drain)) and have the new runtime running, with the images that static
    pods need. Playbook C(container_runtime) has the order.
  - A call that is ended in its middle leaves a mark on the node, and the next one goes on from there.
  - Images and containers of the old runtime stay on the disk.
options:
  state:
    description: V(changed) takes the kubelet to O(runtime). V(finished) only goes on with what an earlier call has begun.
    type: str
    choices: [changed, finished]
    default: changed
  runtime:
    description: The runtime to take the kubelet to. Needed for O(state=changed).
    type: str
    choices: [containerd, crio, docker]
  node_name:
    description: The node's name in the cluster.
    type: str
    required: true
  timeout:
    description: Seconds until the node must be Ready with the new runtime.
    type: int
    default: 300
attributes:
  check_mode:
    support: full
    description: Says what would be done.
  diff_mode:
    support: full
    description: Shows the runtime of the kubelet.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Take the kubelet of an empty node to CRI-O
  baremetal.kubernetes.container_runtime_change:
    runtime: crio
    node_name: worker1
"""

RETURN = r"""
steps:
  description: What was done, or would be, in words.
  type: list
  elements: str
  returned: always
  sample: ["stop the kubelet, and end all containers of docker", "stop and disable cri-docker, docker"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.change import Change, ChangeError, plan, read
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.operation import KubeadmError, locked
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["changed", "finished"], "default": "changed"},
            "runtime": {"type": "str", "choices": ["containerd", "crio", "docker"]},
            "node_name": {"type": "str", "required": True},
            "timeout": {"type": "int", "default": 300},
        },
        required_if=[("state", "changed", ["runtime"])],
        supports_check_mode=True,
    )
    options = module.params
    runner = HostRunner()
    try:
        # kubeadm of a run that was killed may still be at work here.
        with locked(options["timeout"]):
            node = read(runner)
            wanted = options["runtime"] if options["state"] == "changed" else node.begun.get("to", "")
            steps = plan(node, wanted) if wanted else []
            if steps and not module.check_mode:
                Change(runner, options["node_name"], options["timeout"]).apply(node, wanted)
    except (ChangeError, HostStateError) as error:
        module.fail_json(**error.fields())
    except KubeadmError as error:
        module.fail_json(msg=str(error))
    before, after = "runtime: %s\n" % node.runtime, "runtime: %s\n" % (wanted if steps else node.runtime)
    module.exit_json(changed=bool(steps), steps=steps, diff={"before": before, "after": after})


if __name__ == "__main__":
    main()
