#!/usr/bin/python
# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_state
version_added: 0.1.0
short_description: Bring a host's programs, files, kernel, swap and services to a wanted state in one call
description:
  - Compares and, where they differ, changes programs and images of a bundle, files, kernel modules, swap, sysctls and systemd
    services of a host, in that order.
  - One call does the work of dozens of tasks, because over SSH a task costs far more than the work that it does.
  - A service is restarted or reloaded when one of the files that it reads is newer than its last start or reload. This is read
    off the host each time, so a restart that a killed run still owed is made good by the next run, which a handler would forget.
  - Nothing is removed but the files that O(files[].state=absent) names.
options:
  bundle: &bundle
    description:
      - A folder on the host with Kubernetes' programs, CNI plugins and images. Each is put in its place, or imported into
        the container runtime, only where the host lacks it.
      - Every file that is going to be used is first compared with its checksum in C(bundle.json). If one differs or is missing,
        nothing is changed.
      - Checksums are remembered in C(/var/lib/baremetal-kubernetes/bundle.json) by size, time and inode, so that a host that has
        everything is done in a moment.
    type: dict
    suboptions:
      path:
        description: Folder on the host that holds C(bundle.json), C(bin), C(cni) and C(images).
        type: path
        required: true
      kubernetes_version:
        description: The version that the bundle must hold, as in V(1.36.3).
        type: str
        required: true
      parts:
        description: What to install.
        type: list
        elements: str
        choices: [binaries, cni, images]
        default: [binaries, cni, images]
      programs:
        description: Those of the binaries that are installed. Empty means all.
        type: list
        elements: str
        default: []
      roles:
        description: What the node is. Only archives that name one of these, or none at all, are imported.
        type: list
        elements: str
        choices: [control_plane, worker]
        default: [control_plane, worker]
      binaries_path:
        description: Folder for the programs.
        type: path
        default: /usr/local/bin
      cni_path:
        description: Folder for the CNI plugins.
        type: path
        default: /opt/cni/bin
      namespace:
        description: containerd's namespace for the images. The kubelet sees V(k8s.io) only.
        type: str
        default: k8s.io
      runtime:
        description: The container runtime that gets the images. V(crio) needs C(crictl) and C(skopeo) on the host.
        type: str
        choices: [containerd, crio, docker]
        default: containerd
  files: &files
    description: Files and directories, in the order in which they are written.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Absolute path. Missing parent directories are made with mode 0755.
        type: path
        required: true
      state:
        description: V(present) for a file with O(files[].content), V(directory), or V(absent) for no file.
        type: str
        choices: [present, directory, absent]
        default: present
      content:
        description: The whole text of the file, or of its O(files[].block).
        type: str
      block:
        description: Own only the lines between two markers that carry this name; all other lines of the file stay. An empty
          O(files[].content) removes the block.
        type: str
      mode:
        description: Permissions as an octal string. By default 0644, 0755 for a directory, and 0600 for one of the O(secrets),
          which nobody but owner and group may read.
        type: str
      owner:
        description: User by name or number.
        type: str
        default: root
      group:
        description: Group by name or number.
        type: str
        default: root
      sensitive:
        description: Keep the text out of the diff. Ansible's own words with C(-vvv) and the host's system log still have it; what
          nobody may see belongs into O(secrets).
        type: bool
        default: false
      validate:
        description: A command that checks the new text before it takes its place; C(%s) stands for the path of the temporary file.
          Not run in check mode.
        type: str
  secrets:
    description: Path of one of the O(files) to its O(files[].content). Such a text is in no output, no diff and no log.
    type: dict
    default: {}
  kernel_modules: &kernel_modules
    description: Modules that the running kernel must have. What loads them at boot is a file in C(/etc/modules-load.d).
    type: list
    elements: str
    default: []
  sysctls: &sysctls
    description: Values of the running kernel. What sets them at boot is a file in C(/etc/sysctl.d).
    type: dict
    default: {}
  swap: &swap
    description: V(off) ends swap now and after every boot (devices, fstab entries of type swap, swap units, zram);
      V(unmanaged) leaves it alone.
    type: str
    choices: ["off", unmanaged]
    default: unmanaged
  services: &services
    description: systemd services, in the order in which they are handled.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The unit, with or without C(.service).
        type: str
        required: true
      state:
        description: Whether it runs. Unset leaves it as it is.
        type: str
        choices: [started, stopped]
      enabled:
        description: Whether it starts at boot. Unset leaves it as it is.
        type: bool
      restart_on:
        description: Paths that the service reads once, at its start.
        type: list
        elements: path
        default: []
      reload_on:
        description: Paths that the service reads again on a reload.
        type: list
        elements: path
        default: []
  states:
    description:
      - Several states, each of the options above, brought about one after the other behind that of the options themselves. One call
        then does the work of several roles.
      - O(secrets) holds for the files of all of them.
    type: list
    elements: dict
    default: []
    suboptions:
      bundle: *bundle
      files: *files
      kernel_modules: *kernel_modules
      sysctls: *sysctls
      swap: *swap
      services: *services
attributes:
  check_mode:
    support: full
    description: Says what would be done; services of packages that are not installed yet count as to be started, and where
      the container runtime does not run yet, all images of the bundle count as missing.
  diff_mode:
    support: full
    description: Whole texts of files, but for sensitive ones, and a line for each program and image.
author: The baremetal.kubernetes authors (@baremetal-kubernetes)
"""

EXAMPLES = r"""
- name: Load what a Kubernetes node needs, now and at every boot
  baremetal.kubernetes.host_state:
    files:
      - path: /etc/modules-load.d/kubernetes.conf
        content: |
          overlay
          br_netfilter
      - path: /etc/sysctl.d/90-kubernetes.conf
        content: |
          net.ipv4.ip_forward = 1
    kernel_modules: [overlay, br_netfilter]
    sysctls:
      net.ipv4.ip_forward: 1
    swap: "off"

- name: Name the nodes in the hosts file without touching its other lines
  baremetal.kubernetes.host_state:
    files:
      - path: /etc/hosts
        block: hosts
        content: |
          192.0.2.11 cp1
          192.0.2.12 cp2

- name: Install Kubernetes without internet, and have the kubelet started again where its program changed
  baremetal.kubernetes.host_state:
    bundle:
      path: /opt/kubernetes-bundle
      kubernetes_version: 1.36.3
      roles: [worker]
    services:
      - name: kubelet
        enabled: true
        restart_on: [/usr/local/bin/kubelet]

- name: Bring what two roles want to the host in one call
  baremetal.kubernetes.host_state:
    states: "{{ [host_wanted, container_runtime_wanted] }}"

- name: Configure HAProxy; the running one is only reloaded for a text that it accepts
  baremetal.kubernetes.host_state:
    files:
      - path: /etc/haproxy/haproxy.cfg
        content: "{{ lookup('ansible.builtin.template', 'haproxy.cfg.j2') }}"
        validate: haproxy -c -f %s
    services:
      - name: haproxy
        state: started
        enabled: true
        reload_on: [/etc/haproxy/haproxy.cfg]
"""

RETURN = r"""
changes:
  description: What was done, or in check mode would be, a line each.
  type: list
  elements: str
  returned: always
  sample: ["/etc/hosts: content", "service haproxy: reload"]
"""

import re
from typing import Any, Dict, List

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.install import WantedBundle
from ansible_collections.baremetal.kubernetes.plugins.module_utils.bundle.manifest import BundleError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import WantedFile, default_mode
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.refused import in_words
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.services import WantedService
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.state import WantedState, bring_to_state
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import HostRunner

MODE = re.compile(r"[0-7]{3,4}\Z")
PARTS = ["binaries", "cni", "images"]
ROLES = ["control_plane", "worker"]

BUNDLE_OPTIONS = {
    "path": {"type": "path", "required": True},
    "kubernetes_version": {"type": "str", "required": True},
    "parts": {"type": "list", "elements": "str", "choices": PARTS, "default": PARTS},
    "programs": {"type": "list", "elements": "str", "default": []},
    "roles": {"type": "list", "elements": "str", "choices": ROLES, "default": ROLES},
    "binaries_path": {"type": "path", "default": "/usr/local/bin"},
    "cni_path": {"type": "path", "default": "/opt/cni/bin"},
    "namespace": {"type": "str", "default": "k8s.io"},
    "runtime": {"type": "str", "choices": ["containerd", "crio", "docker"], "default": "containerd"},
}

FILE_OPTIONS = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["present", "directory", "absent"], "default": "present"},
    "content": {"type": "str"},
    "block": {"type": "str"},
    "mode": {"type": "str"},
    "owner": {"type": "str", "default": "root"},
    "group": {"type": "str", "default": "root"},
    "sensitive": {"type": "bool", "default": False},
    "validate": {"type": "str"},
}

SERVICE_OPTIONS = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["started", "stopped"]},
    "enabled": {"type": "bool"},
    "restart_on": {"type": "list", "elements": "path", "default": []},
    "reload_on": {"type": "list", "elements": "path", "default": []},
}

STATE_OPTIONS = {
    "bundle": {"type": "dict", "options": BUNDLE_OPTIONS},
    "files": {"type": "list", "elements": "dict", "default": [], "options": FILE_OPTIONS},
    "kernel_modules": {"type": "list", "elements": "str", "default": []},
    "sysctls": {"type": "dict", "default": {}},
    "swap": {"type": "str", "choices": ["off", "unmanaged"], "default": "unmanaged"},
    "services": {"type": "list", "elements": "dict", "default": [], "options": SERVICE_OPTIONS},
}


def wanted_state(options: Dict[str, Any]) -> WantedState:
    """What the options of one state ask for."""
    bundle = options["bundle"]
    return WantedState(
        bundle=WantedBundle(**bundle) if bundle is not None else None,
        files=[WantedFile(**dict(file, mode=file["mode"] or default_mode(file["state"]))) for file in options["files"]],
        kernel_modules=options["kernel_modules"],
        sysctls=options["sysctls"],
        swap_off=options["swap"] == "off",
        services=[WantedService(**service) for service in options["services"]],
    )


@in_words
def main() -> None:
    module = AnsibleModule(
        argument_spec=dict(
            STATE_OPTIONS,
            states={"type": "list", "elements": "dict", "default": [], "options": STATE_OPTIONS},
            # At the top: within `files` it would be in the log of what the module was called with.
            secrets={"type": "dict", "default": {}, "no_log": True},
        ),
        supports_check_mode=True,
    )
    states = [module.params, *module.params["states"]]
    files = [file for state in states for file in state["files"]]
    secrets = module.params["secrets"]
    stray = sorted(set(secrets) - {file["path"] for file in files})
    if stray:
        module.fail_json(msg="secrets: %s is not among the files. What to do: name it there, with its mode." % ", ".join(stray))
    for file in files:
        if file["path"] in secrets:
            file.update(content=str(secrets[file["path"]]), sensitive=True, mode=file["mode"] or "0600")
        if file["mode"] and not MODE.match(file["mode"]):
            module.fail_json(msg="files: %s has the mode %r. What to do: write it like '0644'." % (file["path"], file["mode"]))
        if file["path"] in secrets and int(file["mode"], 8) & 0o7:
            module.fail_json(
                msg="files: everybody on the host could read the secret in %s by its mode %s. What to do: write '0600'."
                % (file["path"], file["mode"])
            )
    runner = HostRunner()
    changes: List[str] = []
    diff: List[Dict[str, Any]] = []
    try:
        for state in states:
            outcome = bring_to_state(wanted_state(state), runner, module.check_mode)
            changes += outcome.changes
            diff += outcome.diff
    except (BundleError, HostStateError) as error:
        module.fail_json(changed=bool(changes), changes=changes, **error.fields())
    module.exit_json(changed=bool(changes), changes=changes, diff=diff)


if __name__ == "__main__":
    main()
