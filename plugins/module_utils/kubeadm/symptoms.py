# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kubeadm's and the kubelet's log lines mean. kubeadm waits minutes in silence for a kubelet that has long said why
it can't work; this table is what turns that line into a cause and a remedy."""

from __future__ import annotations

import re
from typing import List, NamedTuple, Pattern

NAME_TAKEN = "a node of this name is in the cluster already"
SECRET = re.compile(r"\b(?:[a-z0-9]{6}\.[a-z0-9]{16}|[0-9a-f]{64})\b")


class Symptom(NamedTuple):
    """A line that is known; ``hopeless`` when waiting can't mend it."""

    pattern: Pattern[str]
    cause: str
    remedy: str
    hopeless: bool


class Finding(NamedTuple):
    """A known line that was seen, with the line as evidence."""

    cause: str
    remedy: str
    evidence: str
    hopeless: bool


def _symptom(pattern: str, cause: str, remedy: str, hopeless: bool = False) -> Symptom:
    return Symptom(re.compile(pattern, re.IGNORECASE), cause, remedy, hopeless)


# Sources: the kubelet's and kubeadm's own messages as seen in the lab and in facts.md sections 1.4, 2.2, 2.4, 3.3 and 3.4.
SYMPTOMS = (
    _symptom(
        r"running with swap on is not supported",
        "swap is on and the kubelet refuses to run with it",
        "set host_swap: 'off' (the default of role host), or failSwapOn: false in cluster_kubelet_settings",
        hopeless=True,
    ),
    _symptom(
        # From 1.31 on a kubelet that runs there says that cgroup v1 support is in maintenance mode: a warning.
        r"configured to not run on a host using cgroup v1",
        "this kubelet refuses cgroup v1",
        "boot the host with cgroup v2 (systemd.unified_cgroup_hierarchy=1), or set failCgroupV1: false in "
        "cluster_kubelet_settings and name SystemVerification in cluster_ignore_preflight_errors",
        hopeless=True,
    ),
    _symptom(
        r"Failed to admit pod.*ephemeral.?storage|Pod was rejected: Node didn't have enough resource: ephemeral-storage",
        "the kubelet refused a static pod for want of ephemeral storage and does not try again by itself",
        "free space on /var, or set the feature gate LocalStorageCapacityIsolation: false (from 1.25 the kubelet setting "
        "localStorageCapacityIsolation: false) in cluster_kubelet_settings where the accounting can't work, as in containers",
        hopeless=True,
    ),
    _symptom(
        r"misconfiguration: kubelet cgroup driver|expected cgroupsPath to be of format",
        "the kubelet and the container runtime use different cgroup drivers",
        "use systemd for both: leave cgroupDriver out of cluster_kubelet_settings; role container_runtime configures the runtime",
        hopeless=True,
    ),
    _symptom(
        r"unknown service runtime\.v1(alpha2)?\.RuntimeService|CRI v1 runtime API is not implemented",
        "the container runtime answers, but without CRI (docker's package of containerd switches it off)",
        "let role container_runtime write /etc/containerd/config.toml, without disabled_plugins = [\"cri\"]",
        hopeless=True,
    ),
    _symptom(
        # Before kubeadm has written the file, the kubelet dies of its absence again and again: that one is harmless.
        r"failed to (load|parse|decode) kubelet config(?!.*no such file)|unknown flag:|unrecognized feature gate",
        "the kubelet does not understand its configuration",
        "mend the setting that the line names in cluster_kubelet_settings; this Kubernetes version does not know it",
        hopeless=True,
    ),
    _symptom(
        r"(failed to pull image|ErrImagePull|ImagePullBackOff|Back-off pulling image)",
        "an image can't be pulled",
        "check cluster_image_repository, the node's way to it and container_runtime_registries; offline, use a bundle "
        "(cluster_packages_source: bundle) that has the image",
    ),
    _symptom(
        r"x509: certificate has expired or is not yet valid",
        "a certificate is outside its validity: most often a wrong clock on one node",
        "compare `date` on the nodes and mend time synchronisation; then run the play again",
    ),
    _symptom(
        r"secret \"kubeadm-certs\" was not found|error downloading the secret|cipher: message authentication failed",
        "the uploaded control-plane certificates are gone (they last two hours) or the key does not fit",
        "run the play again: it uploads them anew",
        hopeless=True,
    ),
    _symptom(
        r"a Node with name .* and status .?\"?Ready.* already exists",
        NAME_TAKEN,
        "give this host another node_name, or remove the old node first",
        hopeless=True,
    ),
    _symptom(
        r"could not find a JWS signature in the cluster-info ConfigMap|token id .* is invalid for this cluster or it has expired",
        "the join token is unknown to the cluster or has expired",
        "run the play again: it makes a new one",
    ),
    _symptom(
        r"cluster CA found in cluster-info ConfigMap is invalid|none of the public keys .* are pinned",
        "the API at the endpoint belongs to another cluster than the one that is joined",
        "check cluster_endpoint: who answers there? (openssl s_client -connect ENDPOINT)",
        hopeless=True,
    ),
    _symptom(
        r"etcdserver: (request timed out|no leader)|etcd cluster is not healthy|can only promote a learner member which is in sync",
        "etcd has no quorum or is too slow to answer",
        "look at `etcdctl endpoint status --cluster` on a working control plane; a member that never started stalls it",
    ),
    _symptom(
        r"no space left on device",
        "a disk is full",
        "free space on the file system that the line names",
        hopeless=True,
    ),
    _symptom(
        r"too many open files|inotify_init.*too many",
        "the host's limits for open files or inotify instances are too low",
        "raise them (role host sets fs.inotify.* and the runtime's LimitNOFILE)",
    ),
)


def redact(text: str) -> str:
    """The text without bootstrap tokens, certificate keys and CA hashes."""
    return SECRET.sub("********", text)


def find_symptoms(text: str) -> List[Finding]:
    """Each known cause at most once, with the last line that shows it."""
    lines = text.splitlines()
    findings = []
    for symptom in SYMPTOMS:
        for line in reversed(lines):
            if symptom.pattern.search(line):
                findings.append(Finding(symptom.cause, symptom.remedy, redact(line.strip())[:500], symptom.hopeless))
                break
    return findings


def preflight_errors(output: str) -> List[str]:
    """The [ERROR X] lines of kubeadm's preflight."""
    return [line.strip() for line in output.splitlines() if line.strip().startswith("[ERROR ")]
