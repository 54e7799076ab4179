#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: etcd_member
version_added: 0.1.0
short_description: Bring one member of external etcd on this host to its wanted state
description:
  - Issues its certificates, writes its settings and its systemd unit, starts it, and lets it join the members that run. One call
    does the whole change of one member.
  - A member that joins beside others is added as a learner and promoted once it has caught up (etcd 3.4 and newer), so that it
    never costs the quorum. Before a member is restarted, the others must have a quorum without it.
  - A certificate that is renewed keeps its key and asks for no restart, since etcd reads both at every handshake.
  - A static pod has its flags in its manifest. Once a member has joined, it is restarted without the order to begin, while the
    others have a quorum; with O(bootstrap) another call without it, on one host after the other, does that.
  - A member whose data is gone is refused until O(replace) is true. No data is ever deleted, only renamed.
  - Run it on one host after another, but with O(bootstrap) on all hosts at once.
options:
  name:
    description: Name of this member.
    type: str
    required: true
  address:
    description: Address of this host that clients and the other members reach it by.
    type: str
    required: true
  members:
    description: All members, this one too or not.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the member.
        type: str
        required: true
      address:
        description: Its address.
        type: str
        required: true
  token:
    description: What tells this cluster from others that begin in the same network, such as the Kubernetes cluster's name.
    type: str
    default: etcd
  data_dir:
    description: Where etcd keeps its data.
    type: path
    default: /var/lib/etcd
  unit:
    description: The whole text of the systemd unit that runs the member.
    type: str
  pod:
    description: Lets a kubelet in standalone mode run the member as a static pod instead. Kubelet and containerd have to be there.
    type: dict
    suboptions:
      image:
        description: Image of etcd.
        type: str
        required: true
      kubelet_unit:
        description: Text of the drop-in that has the kubelet's service start it in standalone mode.
        type: str
        required: true
      kubelet_config:
        description: Text of its KubeletConfiguration, C(/etc/etcd/kubelet.yaml).
        type: str
        required: true
  heartbeat_interval:
    description: Milliseconds between two heartbeats of the leader. The same on all members.
    type: int
    default: 100
  election_timeout:
    description: Milliseconds without a heartbeat after which a member stands for election. The same on all members.
    type: int
    default: 1000
  metrics_urls:
    description: Where metrics and health are served without TLS. Without any, only the client port serves them, with TLS.
    type: list
    elements: str
    default: []
  arguments:
    description: Further flags of etcd without their dashes, and their values.
    type: dict
    default: {}
  sans:
    description: Further names and addresses in the member's certificates.
    type: list
    elements: str
    default: []
  ca_certificate:
    description: The authority of etcd as PEM, where this host does not have it yet.
    type: str
    default: ""
  ca_key:
    description: Its key, which every etcd host keeps, so that the loss of one host is not the loss of the authority.
    type: str
    default: ""
  certificate_days:
    description: Days for which certificates are issued.
    type: int
    default: 365
  renew_before_days:
    description: Certificates with fewer days left are issued again.
    type: int
    default: 90
  bootstrap:
    description: Whether all members begin together. Only then may one without data begin a new cluster.
    type: bool
    default: false
  replace:
    description: Let this member be replaced by a learner, where it is not healthy. Data that it has is kept beside its place.
    type: bool
    default: false
  wait:
    description: Whether to wait until the member is healthy and votes.
    type: bool
    default: true
  timeout:
    description: Seconds that the whole change may take.
    type: int
    default: 180
attributes:
  check_mode:
    support: full
    description: Says what would be done. On a host without certificates nobody can be asked for the members that there are.
  diff_mode:
    support: full
    description: Texts of the settings and of the unit; keys are never shown.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Begin a new cluster on all its hosts at once
  baremetal.kubernetes.etcd_member:
    name: "{{ inventory_hostname }}"
    address: "{{ ansible_host }}"
    members:
      - {name: etcd1, address: 192.0.2.31}
      - {name: etcd2, address: 192.0.2.32}
      - {name: etcd3, address: 192.0.2.33}
    unit: "{{ lookup('ansible.builtin.template', 'etcd.service.j2') }}"
    bootstrap: true
"""

RETURN = r"""
changes:
  description: What was done, or in check mode would be, a line each.
  type: list
  elements: str
  returned: always
  sample: ["certificate /etc/etcd/pki/server.crt: issued (it ends in 12 days)"]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.certificates import Pair
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.operation import Operator, Pod, Wanted, locked
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import (
    CERTIFICATE_DAYS,
    RENEW_BEFORE_DAYS,
    Peer,
    Tuning,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.static_pod import PodOperator
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

MEMBER_OPTIONS = {"name": {"type": "str", "required": True}, "address": {"type": "str", "required": True}}


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "address": {"type": "str", "required": True},
            "members": {"type": "list", "elements": "dict", "required": True, "options": MEMBER_OPTIONS},
            "token": {"type": "str", "default": "etcd", "no_log": False},
            "data_dir": {"type": "path", "default": "/var/lib/etcd"},
            "unit": {"type": "str"},
            "pod": {"type": "dict", "options": {name: {"type": "str", "required": True} for name in Pod._fields}},
            "heartbeat_interval": {"type": "int", "default": 100},
            "election_timeout": {"type": "int", "default": 1000},
            "metrics_urls": {"type": "list", "elements": "str", "default": []},
            "arguments": {"type": "dict", "default": {}},
            "sans": {"type": "list", "elements": "str", "default": []},
            "ca_certificate": {"type": "str", "default": ""},
            "ca_key": {"type": "str", "default": "", "no_log": True},
            "certificate_days": {"type": "int", "default": CERTIFICATE_DAYS},
            "renew_before_days": {"type": "int", "default": RENEW_BEFORE_DAYS},
            "bootstrap": {"type": "bool", "default": False},
            "replace": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 180},
        },
        required_together=[("ca_certificate", "ca_key")],
        required_one_of=[("unit", "pod")],
        mutually_exclusive=[("unit", "pod")],
        supports_check_mode=True,
    )
    options = module.params
    member = Peer(options["name"], options["address"])
    wanted = Wanted(
        member=member,
        others=[Peer(**entry) for entry in options["members"] if entry["name"] != member.name],
        token=options["token"],
        data_dir=options["data_dir"],
        unit=options["unit"] or "",
        pod=Pod(**options["pod"]) if options["pod"] else None,
        tuning=Tuning(options["heartbeat_interval"], options["election_timeout"]),
        metrics_urls=options["metrics_urls"],
        arguments=options["arguments"],
        sans=options["sans"],
        certificate_days=options["certificate_days"],
        renew_before_days=options["renew_before_days"],
        authority=Pair(options["ca_certificate"], options["ca_key"]) if options["ca_certificate"] else None,
        bootstrap=options["bootstrap"],
        replace=options["replace"],
        wait=options["wait"],
        timeout=options["timeout"],
    )
    try:
        with locked(wanted.timeout):
            operator = PodOperator if wanted.pod else Operator
            outcome = operator(wanted, HostRunner(), module.check_mode).bring_up()
    except HostStateError as error:
        module.fail_json(**error.fields())
    except EtcdError as error:
        module.fail_json(msg=str(error), subject=error.endpoint, problem=error.cause, remedy=error.remedy)
    module.exit_json(changed=bool(outcome.changes), changes=outcome.changes, diff=outcome.diff)


if __name__ == "__main__":
    main()
