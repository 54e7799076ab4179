#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: etcd_certificates
version_added: 0.1.0
short_description: The authority of external etcd, and certificates for clients on other hosts
description:
  - Makes the certificate authority of etcd once (V(authority)), makes the key of a client where it is used (V(request)), and signs
    such requests where the authority is (V(signed)). So the key of a client never leaves its host.
  - The certificates of the members themselves are the business of M(baremetal.kubernetes.etcd_member).
options:
  state:
    description:
      - V(authority) makes C(/etc/etcd/pki/ca.crt) and C(ca.key) where they are not, and returns both.
      - V(request) makes O(key) where it is not, and returns a signing request for it.
      - V(signed) returns a client's certificate for each of O(requests).
    type: str
    choices: [authority, request, signed]
    required: true
  common_name:
    description: Name in the certificate; of the authority, or of the client.
    type: str
    required: true
  key:
    description: Where V(request) keeps the client's key, mode 0600.
    type: path
  requests:
    description: Signing requests as PEM, by any name.
    type: dict
    default: {}
  days:
    description: Days for which the authority or the certificates are valid.
    type: int
    required: true
notes:
  - V(authority) returns a private key. Register it in a task with C(no_log=true).
attributes:
  check_mode:
    support: full
    description: Says whether something would be made; then there are no texts to return.
  diff_mode:
    support: none
    description: There is nothing in certificates for a person to read.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Make the authority of etcd, or read it
  baremetal.kubernetes.etcd_certificates:
    state: authority
    common_name: etcd-ca
    days: 3650
  register: authority
  no_log: true
"""

RETURN = r"""
ca_certificate:
  description: The authority as PEM, empty where there is none yet.
  type: str
  returned: state=authority or state=signed
ca_key:
  description: The key of the authority as PEM.
  type: str
  returned: state=authority
request:
  description: The signing request as PEM.
  type: str
  returned: state=request
certificates:
  description: Certificate as PEM, by the names of O(requests).
  type: dict
  returned: state=signed
"""

from typing import Any, Dict, Tuple

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.certificates import (
    Leaf,
    Pair,
    make_authority,
    make_key,
    make_request,
    sign,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.operation import locked
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import AUTHORITY
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import WantedFile, apply_now
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner, Runner

Answer = Tuple[bool, Dict[str, Any]]


def authority(options: Dict[str, Any], runner: Runner, check: bool) -> Answer:
    """Whether it was made, and both its texts."""
    certificate, key = runner.read(AUTHORITY + ".crt") or "", runner.read(AUTHORITY + ".key") or ""
    changed = not certificate
    if certificate and not key:
        raise HostStateError(
            AUTHORITY + ".key", "it is gone, and the members trust it", "restore it from another etcd host or a backup"
        )
    if changed and not check:
        # A key alone was left by a run that was killed here: nobody has ever trusted it.
        certificate, key = make_authority(runner, options["common_name"], options["days"])
        apply_now(runner, WantedFile(AUTHORITY + ".key", content=key, mode="0600", sensitive=True))
        apply_now(runner, WantedFile(AUTHORITY + ".crt", content=certificate))
    return changed, {"ca_certificate": certificate, "ca_key": key if certificate else ""}


def request(options: Dict[str, Any], runner: Runner, check: bool) -> Answer:
    """Whether a key was made, and the request."""
    key = runner.read(options["key"]) or ""
    changed = not key
    if changed and not check:
        key = make_key(runner)
        apply_now(runner, WantedFile(options["key"], content=key, mode="0600", sensitive=True))
    return changed, {"request": make_request(runner, key, options["common_name"]) if key else ""}


def signed(options: Dict[str, Any], runner: Runner, check: bool) -> Answer:
    """Whether there was something to sign, and the certificates."""
    requests = {name: str(text) for name, text in options["requests"].items() if text}
    pair = Pair(runner.read(AUTHORITY + ".crt") or "", runner.read(AUTHORITY + ".key") or "")
    if check:
        return bool(options["requests"]), {"certificates": {}, "ca_certificate": pair.certificate}
    if not pair.certificate or not pair.key:
        raise HostStateError(AUTHORITY + ".key", "it is not here, so nothing can be signed", "restore it from another etcd host")
    leaf = Leaf("", options["common_name"], (), False)
    certificates = {name: sign(runner, pair, text, leaf, options["days"]) for name, text in requests.items()}
    return bool(certificates), {"certificates": certificates, "ca_certificate": pair.certificate}


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["authority", "request", "signed"], "required": True},
            "common_name": {"type": "str", "required": True},
            "key": {"type": "path", "no_log": False},
            "requests": {"type": "dict", "default": {}},
            "days": {"type": "int", "required": True},
        },
        required_if=[("state", "request", ("key",))],
        supports_check_mode=True,
    )
    work = {"authority": authority, "request": request, "signed": signed}[module.params["state"]]
    try:
        with locked(120):
            changed, answer = work(module.params, HostRunner(), module.check_mode)
    except HostStateError as error:
        module.fail_json(**error.fields())
    module.exit_json(changed=changed, **answer)


if __name__ == "__main__":
    main()
