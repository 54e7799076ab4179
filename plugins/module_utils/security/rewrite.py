# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every object of a resource written again, so that the API servers store it with the key that they write with now."""

from __future__ import annotations

import json
from typing import List

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.forms import ANY
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import (
    Kubectl,
    KubernetesError,
    remedy_for,
    said,
)

#: Somebody wrote or deleted it meanwhile: then nothing is stored with the old key any more.
DONE_BY_OTHERS = ("the object has been modified", "not found", "NotFound")
#: Objects in one call.
BATCH = 200


def rewrite(kubectl: Kubectl, resource: str) -> int:
    """Write all objects of a resource as they are; how many there were. Their content passes by standard input alone.

    :raises KubernetesError: one could not be written; nothing may be done with the old key then.
    """
    items = kubectl.objects(resource, "--all-namespaces", form=ANY)
    for start in range(0, len(items), BATCH):
        batch = {"apiVersion": "v1", "kind": "List", "items": items[start : start + BATCH]}
        result = kubectl.run(["replace", "--filename=-"], stdin=json.dumps(batch), timeout=300)
        failed = _failures(said(result)) if result.rc != 0 else []
        if failed:
            raise KubernetesError("writing %s again" % resource, failed[0][:500], remedy_for(result))
    return len(items)


def _failures(text: str) -> List[str]:
    lines = [line for line in text.splitlines() if line.strip()]
    return [line for line in lines if not any(word in line for word in DONE_BY_OTHERS)]
