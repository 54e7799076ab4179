#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: failover_ip
version_added: 0.2.0
short_description: Have a provider send a failover IP to a server
description:
  - Reads where the provider sends the address now, and changes that only if it is wrong.
  - Waits for locks, rate limits and outages as long as O(timeout) allows, follows the provider's task to its end, and looks again.
  - Runs on any host that reaches the provider's API, as a rule on the controller (C(delegate_to) localhost). It needs no
    Python library. OVH's signature is made here, so that the agent of role P(baremetal.kubernetes.failover_ip#role) runs the
    same code on nodes.
  - The server has to have the address on an interface as well. Role P(baremetal.kubernetes.keepalived#role) does that.
  - Where that role's agent runs, stop it before you move the address by hand. It would move it back.
options:
  provider:
    description:
      - V(ovh) for Additional IPs, V(hetzner_robot) for failover IPs of dedicated servers, V(hetzner_cloud) for floating IPs of
        cloud servers, V(scaleway) for flexible IPs of Elastic Metal servers.
    type: str
    choices: [ovh, hetzner_robot, hetzner_cloud, scaleway]
    required: true
  ip:
    description: The address. A block that moves as a whole is written with its prefix length.
    type: str
    required: true
  state:
    description:
      - V(routed_to) has it sent to O(target).
      - V(unrouted) has it sent to nobody.
      - V(query) only says where it goes.
    type: str
    choices: [routed_to, unrouted, query]
    default: routed_to
  target:
    description:
      - The server, in the provider's own words. For V(ovh) the service name, for V(hetzner_robot) the server's main IP address
        (for an IPv6 subnet its main IPv6 network), for V(hetzner_cloud) its number or name, for V(scaleway) its ID.
    type: str
  credentials:
    description:
      - What lets us in. What is not given is taken from the environment, and then from the file of the provider's own tools.
        The names of the variables are in the descriptions.
      - The environment is that of the process, such as the controller's own. Ansible puts a task's C(environment) on a command
        line, where all users of the host can read it.
    type: dict
    default: {}
    suboptions:
      endpoint:
        description: Part of OVH, such as V(ovh-eu), V(ovh-ca), V(soyoustart-eu). E(OVH_ENDPOINT).
        type: str
      application_key:
        description: Of OVH. E(OVH_APPLICATION_KEY).
        type: str
      application_secret:
        description: Of OVH. E(OVH_APPLICATION_SECRET).
        type: str
      consumer_key:
        description: Of OVH, with the right to GET and POST C(/ip/*) and to GET C(/dedicated/server/*). E(OVH_CONSUMER_KEY).
        type: str
      user:
        description: Of Hetzner Robot's web service. E(HROBOT_API_USER).
        type: str
      password:
        description: Of Hetzner Robot's web service. E(HROBOT_API_PASSWORD).
        type: str
      token:
        description: Of Hetzner Cloud, with the right to write. E(HCLOUD_TOKEN).
        type: str
      secret_key:
        description: Of Scaleway's API key. E(SCW_SECRET_KEY).
        type: str
      zone:
        description: Of Scaleway, such as V(fr-par-2). E(SCW_DEFAULT_ZONE).
        type: str
  config_file:
    description:
      - The file of the provider's own tools, where it is in another place than theirs. These are C(ovh.conf) (C(./ovh.conf),
        C(~/.ovh.conf), C(/etc/ovh.conf)), C(~/.config/hcloud/cli.toml) and C(~/.config/scw/config.yaml). Hetzner Robot has none.
    type: path
    default: ""
  profile:
    description: The endpoint in C(ovh.conf), the context of C(hcloud), the profile of C(scw). Empty means the active one.
    type: str
    default: ""
  timeout:
    description:
      - Seconds for all of it, locks and rate limits included. A failover IP of Hetzner Robot takes a minute as a rule.
    type: int
    default: 300
  base_url:
    description: Another address of the provider's API, such as a proxy of yours.
    type: str
    default: ""
  ca_file:
    description: A file of CA certificates, PEM, for O(base_url). Empty means those of the operating system.
    type: path
    default: ""
attributes:
  check_mode:
    support: full
    description: Reads the route, and says what would change.
  diff_mode:
    support: full
    description: The route before and after.
seealso:
  - module: community.general.ovh_ip_failover
    description: Does not ask whether the address can move, and waits for a task that failed until its time is over.
  - module: community.hrobot.failover_ip
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Send an Additional IP of OVH to a server, with the credentials of ~/.ovh.conf
  baremetal.kubernetes.failover_ip:
    provider: ovh
    ip: 203.0.113.10
    target: ns3012345.ip-198-51-100.eu
  delegate_to: localhost

- name: Send a failover IP of Hetzner Robot to this server
  baremetal.kubernetes.failover_ip:
    provider: hetzner_robot
    ip: 203.0.113.10
    target: "{{ ansible_host }}"
    credentials:
      user: "{{ robot_user }}"
      password: "{{ robot_password }}"
  delegate_to: localhost

- name: Say where a floating IP of Hetzner Cloud goes, with the token of the environment (HCLOUD_TOKEN)
  baremetal.kubernetes.failover_ip:
    provider: hetzner_cloud
    ip: 203.0.113.10
    state: query
  delegate_to: localhost
  register: floating_ip

- name: Take a flexible IP off its server
  baremetal.kubernetes.failover_ip:
    provider: scaleway
    ip: 203.0.113.10
    state: unrouted
    credentials: {zone: fr-par-2}
  delegate_to: localhost
"""

RETURN = r"""
target:
  description: The server that the address goes to after this call, in check mode the one that it would go to; null for nobody.
  type: str
  returned: success
before:
  description: The server that it went to before.
  type: str
  returned: success
steps:
  description: What happened on the way, locks and limits that were waited for among it.
  type: list
  elements: str
  returned: success
  sample: ["told OVH to send it to ns3012345.ip-198-51-100.eu", "4711: done"]
"""

from typing import Any, Dict, Optional

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.credentials import gather
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.errors import ProviderError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.move import Clock, Outcome, bring, look, words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.providers.registry import PROVIDERS, make

CREDENTIALS: Dict[str, Any] = {
    "endpoint": {"type": "str"},
    "application_key": {"type": "str", "no_log": True},
    "application_secret": {"type": "str", "no_log": True},
    "consumer_key": {"type": "str", "no_log": True},
    "user": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "token": {"type": "str", "no_log": True},
    "secret_key": {"type": "str", "no_log": True},
    "zone": {"type": "str"},
}
ARGUMENTS: Dict[str, Any] = {
    "provider": {"type": "str", "choices": list(PROVIDERS), "required": True},
    "ip": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["routed_to", "unrouted", "query"], "default": "routed_to"},
    "target": {"type": "str"},
    "credentials": {"type": "dict", "options": CREDENTIALS, "default": {}},
    "config_file": {"type": "path", "default": ""},
    "profile": {"type": "str", "default": ""},
    "timeout": {"type": "int", "default": 300},
    "base_url": {"type": "str", "default": ""},
    "ca_file": {"type": "path", "default": ""},
}


def work(given: Dict[str, Any], check_mode: bool) -> Outcome:
    """What was done, or in check mode would be."""
    credentials = gather(given["provider"], given["credentials"] or {}, given["config_file"], given["profile"])
    provider = make(given["provider"], given["ip"], credentials, given["base_url"], given["ca_file"])
    if given["state"] == "query":
        route = look(provider, given["timeout"], Clock()).target
        return Outcome(route, route, [])
    wanted: Optional[str] = given["target"] if given["state"] == "routed_to" else None
    return bring(provider, wanted, given["timeout"], Clock(), act=not check_mode)


@in_words
def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, required_if=[("state", "routed_to", ["target"])], supports_check_mode=True)
    given = module.params
    try:
        done = work(given, module.check_mode)
    except ProviderError as error:
        module.fail_json(**error.fields())
    module.exit_json(
        changed=done.before != done.after,
        target=done.after,
        before=done.before,
        steps=done.steps,
        diff={name: "%s goes to %s\n" % (given["ip"], words(getattr(done, name))) for name in ("before", "after")},
    )


if __name__ == "__main__":
    main()
