# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the cluster's CA is to be replaced, who has a part in it, and what is left of a rotation that did not end. Pure."""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, NamedTuple, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.certificates.errors import CertificateError

SETTING = "certificates_rotate_ca"
IDENTITY = re.compile(r"^sha256:[0-9a-f]{64}$")
TRUSTED, SIGNED, ALONE = "trusted", "signed", "alone"
#: What has to be done up to where a run is to stop.
UNTIL: Mapping[str, Sequence[str]] = {TRUSTED: (TRUSTED,), SIGNED: (TRUSTED, SIGNED), "": (TRUSTED, SIGNED, ALONE)}


class Host(NamedTuple):
    """A host: the CAs that it trusts by their hashes, which is the old one while it has both sets, and its parts."""

    name: str
    authorities: Sequence[str]
    replaced: str = ""
    has_new: bool = False
    control_plane: bool = False
    copies: bool = False


class Rotation(NamedTuple):
    """The groups that the plays are for, a host each, and what a person reads."""

    groups: Dict[str, List[str]]
    lines: List[str]


def plan_rotation(hosts: Sequence[Host], wanted: str, until: str, api_host: str) -> Rotation:
    """What there is to do, by the setting's value.

    :raises CertificateError: the setting names no CA, or another one than the rotation that did not end.
    """
    control_planes = [host for host in hosts if host.control_plane]
    known = list(dict.fromkeys(one for host in control_planes for one in host.authorities))
    begun = next((host.replaced for host in hosts if host.replaced), "")
    if begun and wanted != begun:
        text = "the rotation of the CA %s has not ended" % begun
        if wanted:
            raise CertificateError(SETTING, text, "write %s: %s first, which goes on with it" % (SETTING, begun))
        return Rotation({}, ["%s: -e %s=%s goes on with it" % (text, SETTING, begun)])
    if not wanted:
        return Rotation({}, ["the cluster's CA is %s" % ", ".join(known)] if known else [])
    if not IDENTITY.match(wanted):
        raise CertificateError(
            SETTING, "%r names no CA" % wanted, "name the CA that is to be replaced: %s" % (" or ".join(known) or "sha256:HASH")
        )
    if not begun and not any(wanted in host.authorities for host in hosts):
        text = "no host trusts the CA %s: its rotation has ended, or it was never this cluster's" % wanted
        return Rotation({}, ["%s (%s)" % (text, "which has %s" % ", ".join(known) if known else "no CA is known")])
    if not api_host:
        raise CertificateError(
            SETTING, "no API server answers", "bring the cluster to health first: playbook verify says what is wrong"
        )
    first = next((host.name for host in control_planes if host.has_new), api_host)
    names = [host.name for host in control_planes]
    others = [host.name for host in hosts if not host.control_plane and (host.authorities or host.copies)]
    groups = {"plan_rotate_first": [first], "plan_rotate_control_planes": names}
    for phase in UNTIL[until]:
        groups["plan_rotate_%s_control_planes" % phase] = names
        # Only once every control plane signs with the new CA do kubelets ask, theirs too.
        groups["plan_rotate_%s_hosts" % phase] = (names if phase == SIGNED else []) + others
        groups["plan_rotate_%s_cluster" % phase] = [api_host]
    if SIGNED in UNTIL[until]:
        groups["plan_rotate_signed_token"] = [api_host]
    if not until:
        groups["plan_rotate_end"] = names
    what = {TRUSTED: "both are trusted", SIGNED: "the new one signs everything", ALONE: "the old one goes"}
    lines = ["the CA %s is replaced: %s" % (wanted, "; then ".join(what[phase] for phase in UNTIL[until]))]
    return Rotation(groups, lines + (["stops there; the next run goes on"] if until else []))
