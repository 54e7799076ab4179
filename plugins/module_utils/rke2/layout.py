# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where RKE2 keeps what on a host, and its fixed ports."""

from __future__ import annotations

SUPERVISOR_PORT = 9345
API_PORT = 6443

PREFIX = "/usr/local"
PROGRAM = PREFIX + "/bin/rke2"

DIRECTORY = "/etc/rancher/rke2"
CONFIG = DIRECTORY + "/config.yaml"
TOKEN = DIRECTORY + "/token"
AGENT_TOKEN = DIRECTORY + "/agent-token"
REGISTRIES = DIRECTORY + "/registries.yaml"
AUTHENTICATION = DIRECTORY + "/authentication.yaml"

DATA = "/var/lib/rancher/rke2"
IMAGES = DATA + "/agent/images"
#: An agent has it once a server took it in.
JOINED = DATA + "/agent/kubelet.kubeconfig"
DATABASE = DATA + "/server/db"
SNAPSHOTS = DATABASE + "/snapshots"
#: What a server itself keeps: the whole form, K10<hash of the CA>::server:<token>.
SERVER_TOKEN = DATA + "/server/token"
CA = DATA + "/server/tls/server-ca.crt"
#: The certificate that RKE2's own probe of its API server uses.
CLIENT = (DATA + "/server/tls/client-kube-apiserver.crt", DATA + "/server/tls/client-kube-apiserver.key")

#: What this collection notes on a host.
STATE = "/var/lib/baremetal-kubernetes"


def parse_version(text: str) -> str:
    """v1.36.3+rke2r1 out of what C(rke2 --version) prints: the name of its file, the word version, that, and more."""
    words = text.split()
    return words[2] if words[1:2] == ["version"] and len(words) > 2 else ""
