# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of the API's objects, as far as we read them: what asks the API holds its answer against it, and nobody else has to.

Source: the types of kubernetes/api core/v1, apps/v1, coordination/v1 and certificates/v1.
"""

from __future__ import annotations

TEXTS = {str: str}
_STATE = {"waiting?": {"reason?": str, "message?": str}, "terminated?": {"finishedAt?": str, "reason?": str}}
_CONTAINER_STATUS = {"ready?": bool, "state?": _STATE, "lastState?": _STATE}
_CONDITION = {
    "type?": str,
    "status?": str,
    "reason?": str,
    "message?": str,
    "lastHeartbeatTime?": str,
    "lastTransitionTime?": str,
}
_METADATA = {
    "name": str,
    "namespace?": str,
    "uid?": str,
    "resourceVersion?": str,
    "deletionTimestamp?": str,
    "labels?": TEXTS,
    "annotations?": TEXTS,
    "ownerReferences?": [{"kind?": str, "name?": str, "controller?": bool}],
}
_POD_SPEC = {"nodeName?": str, "containers?": [{"name?": str, "image?": str}], "volumes?": [{str: object}]}
_EXPRESSIONS = [{"key?": str, "operator?": str, "values?": [str]}]
_SPEC = {
    **_POD_SPEC,
    # Node
    "unschedulable?": bool,
    "taints?": [{"key?": str, "effect?": str}],
    "podCIDR?": str,
    "podCIDRs?": [str],
    # Deployment, DaemonSet, StatefulSet
    "replicas?": int,
    "selector?": {"matchLabels?": TEXTS, "matchExpressions?": _EXPRESSIONS},
    "template?": {"metadata?": {"annotations?": TEXTS}, "spec?": _POD_SPEC},
    "strategy?": {"type?": str},
    "updateStrategy?": {"type?": str},
    # Service
    "clusterIP?": str,
    # PersistentVolume
    "claimRef?": {"namespace?": str, "name?": str},
    "nodeAffinity?": {"required?": {"nodeSelectorTerms?": [{"matchExpressions?": _EXPRESSIONS, "matchFields?": _EXPRESSIONS}]}},
    # Lease
    "holderIdentity?": str,
    "leaseDurationSeconds?": int,
    "leaseTransitions?": int,
    "renewTime?": str,
    # CertificateSigningRequest
    "signerName?": str,
    "username?": str,
    "groups?": [str],
    "usages?": [str],
    "request?": str,
}
_STATUS = {
    "phase?": str,
    "addresses?": [{"type": str, "address": str}],
    "conditions?": [_CONDITION],
    "containerStatuses?": [_CONTAINER_STATUS],
    "initContainerStatuses?": [_CONTAINER_STATUS],
    "podIP?": str,
    "currentHealthy?": int,
    "desiredHealthy?": int,
    "disruptionsAllowed?": int,
    "availableReplicas?": int,
    "nodeInfo?": {"kubeletVersion?": str, "containerRuntimeVersion?": str},
}
OBJECT = {"kind?": str, "metadata": _METADATA, "spec?": _SPEC, "status?": _STATUS, "data?": TEXTS}
#: Of whatever kind, a user's own among them.
ANY = {"metadata": _METADATA}
#: Leases, read and written without kubectl.
LEASE = {
    "metadata?": {"resourceVersion?": str, "annotations?": TEXTS},
    "spec?": {"holderIdentity?": str, "leaseDurationSeconds?": int, "leaseTransitions?": int, "renewTime?": str},
}
