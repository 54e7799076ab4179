# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first page for somebody who was woken up: what is wrong where, then a line for each host, then where to read on. Pure."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.symptoms import find_symptoms

CERTIFICATE_DAYS = 14
FULL_SHARE = 0.9
#: What is looked through for lines that are known, and how many of its lines.
LOGS = ("journal-", "pods/", "api-events")
NEWEST = 1000
COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")


class Host(NamedTuple):
    """One host: its facts and texts, or why there are none."""

    name: str
    groups: Sequence[str]
    facts: Mapping[str, Any]
    texts: Mapping[str, str]
    why_not: str = ""


class Finding(NamedTuple):
    """Something wrong: where, what, and the file of the archive that shows it."""

    host: str
    what: str
    file: str = ""

    def line(self) -> str:
        return "- **%s**: %s%s" % (self.host, self.what, " (%s/%s)" % (self.host, self.file) if self.file else "")


def findings(hosts: Sequence[Host], virtual_address: str = "") -> List[Finding]:
    """All that is seen to be wrong; what breaks most comes first."""
    found = [Finding(host.name, "does not answer: %s" % host.why_not) for host in hosts if host.why_not]
    seen = [host for host in hosts if not host.why_not]
    found += _virtual_address(seen, virtual_address)
    for look in (_components, _certificates, _disks, _services, _logs, _api):
        for host in seen:
            found += look(host)
    return list(dict.fromkeys(found))


def _virtual_address(hosts: Sequence[Host], address: str) -> List[Finding]:
    if not address:
        return []
    holders = [host.name for host in hosts if any(one.get("address") == address for one in host.facts.get("addresses") or [])]
    # Real servers of directors have it on their loopback.
    outward = [
        host.name
        for host in hosts
        if any(one.get("address") == address and one.get("interface") != "lo" for one in host.facts.get("addresses") or [])
    ]
    if not holders:
        return [Finding("cluster", "no host that answers holds the virtual address %s" % address)]
    if len(outward) > 1:
        return [Finding("cluster", "the virtual address %s is held by %s at once" % (address, ", ".join(outward)), "")]
    return []


def _components(host: Host) -> List[Finding]:
    found = []
    facts = host.facts
    state = (facts.get("kubeadm") or {}).get("state")
    if state in ("control_plane", "worker") and not (facts.get("kubelet") or {}).get("active"):
        found.append(Finding(host.name, "the kubelet does not run", "journal-kubelet.log"))
    if state in ("started", "foreign"):
        found.append(Finding(host.name, "kubeadm's state is %s: %s" % (state, (facts.get("kubeadm") or {}).get("why"))))
    server = facts.get("apiserver") or {}
    if server.get("ready") is False:
        found.append(Finding(host.name, "its API server is not ready: %s" % server.get("message"), "api-readyz.txt"))
    etcd = facts.get("etcd") or {}
    if etcd and etcd.get("healthy") is False:
        found.append(Finding(host.name, "its member of etcd is not healthy: %s" % (etcd.get("message") or "no reason"), "etcd.txt"))
    unstarted = [str(one.get("peer_urls")) for one in etcd.get("members") or [] if one.get("started") is False]
    if unstarted:
        found.append(Finding(host.name, "etcd has members that never started: %s" % ", ".join(unstarted), "etcd.txt"))
    for line in host.texts.get("etcd.txt", "").splitlines():
        if line.startswith("alarm "):
            found.append(Finding("cluster", "etcd: %s" % line, "etcd.txt"))
    wanted = {str(pod.get("name")) for pod in facts.get("static_pods") or []}
    for name in COMPONENTS if state == "control_plane" else ():
        if name not in wanted and not (name == "etcd" and "etcd" not in host.groups and not etcd):
            found.append(Finding(host.name, "there is no manifest of %s" % name))
    return found


def _certificates(host: Host) -> List[Finding]:
    found = []
    for one in host.facts.get("certificates") or []:
        left = one.get("days_left")
        if isinstance(left, int) and left < CERTIFICATE_DAYS:
            text = "has EXPIRED" if left < 0 else "ends in %d days" % left
            found.append(Finding(host.name, "certificate %s %s (%s)" % (one.get("path"), text, one.get("not_after")), "facts.json"))
    return found


def _disks(host: Host) -> List[Finding]:
    found = []
    for one in host.facts.get("filesystems") or []:
        size, free = one.get("size_bytes") or 0, one.get("free_bytes") or 0
        if size and free < size * (1 - FULL_SHARE):
            text = "%s is %d %% full, %d MB are free" % (one.get("mount"), 100 - 100 * free // size, free // 1000000)
            found.append(Finding(host.name, text, "disks.txt"))
    for line in host.texts.get("inodes.txt", "").splitlines():
        match = re.search(r"\s(9[0-9]|100)%\s+(/\S*)$", line)
        if match:
            found.append(Finding(host.name, "%s has used %s %% of its inodes" % (match.group(2), match.group(1)), "inodes.txt"))
    return found


def _services(host: Host) -> List[Finding]:
    found = []
    for line in host.texts.get("failed-units.txt", "").splitlines():
        if line.split():
            found.append(Finding(host.name, "unit %s has failed" % line.split()[0].lstrip("●"), "failed-units.txt"))
    runtime = host.facts.get("runtime") or {}
    if runtime and runtime.get("active") is False:
        found.append(Finding(host.name, "%s does not run" % runtime.get("name"), "journal-%s.log" % runtime.get("name")))
    clock = host.facts.get("time_sync") or {}
    if clock.get("synchronized") is False:
        found.append(Finding(host.name, "its clock is not synchronised", "clock.txt"))
    if re.search(r"(?i)out of memory|oom-kill", host.texts.get("kernel.txt", "")):
        found.append(Finding(host.name, "the kernel has killed processes for want of memory", "kernel.txt"))
    for problem in host.facts.get("problems") or []:
        found.append(Finding(host.name, "could not be read: %s" % problem, "facts.json"))
    return found


def _logs(host: Host) -> List[Finding]:
    found: Dict[str, Finding] = {}
    for name in sorted(name for name in host.texts if name.startswith(LOGS)):
        text = "\n".join(host.texts[name].splitlines()[-NEWEST:])
        for one in find_symptoms(text, standing=True):
            # Of some time ago, perhaps; what is wrong now, the other findings say.
            found.setdefault(one.cause, Finding(host.name, "a log has: %s. What to do: %s" % (one.cause, one.remedy), name))
    return list(found.values())


def _api(host: Host) -> List[Finding]:
    """What the API says of the cluster; each control plane is asked, and what they agree on is said once."""
    found = []
    for line in host.texts.get("api-nodes.txt", "").splitlines()[1:]:
        fields = line.split()
        if len(fields) > 1 and fields[1].split(",")[0] != "Ready":
            found.append(Finding("cluster", "node %s is %s" % (fields[0], fields[1])))
        elif len(fields) > 1 and "SchedulingDisabled" in fields[1]:
            found.append(Finding("cluster", "node %s takes no pods (cordoned)" % fields[0]))
    for line in host.texts.get("api-pods.txt", "").splitlines()[1:]:
        fields = line.split()
        if len(fields) > 4 and fields[3] not in ("Running", "Completed", "Succeeded"):
            found.append(Finding("cluster", "pod %s/%s is %s" % (fields[0], fields[1], fields[3])))
        elif len(fields) > 4 and fields[3] == "Running" and len(set(fields[2].split("/"))) == 2:
            found.append(Finding("cluster", "pod %s/%s: %s containers are ready" % (fields[0], fields[1], fields[2])))
    for line in host.texts.get("api-signing-requests.txt", "").splitlines()[1:]:
        if "Pending" in line:
            found.append(Finding("cluster", "certificate signing request %s waits for an approval" % line.split()[0]))
    return found


def page(hosts: Sequence[Host], name: str, taken: str, virtual_address: str = "") -> str:
    """The page as Markdown."""
    found = findings(hosts, virtual_address)
    silent = [host.name for host in hosts if host.why_not]
    lines = ["# Cluster %s, %s" % (name, taken), ""]
    lines += [
        "%d of %d hosts answered.%s" % (len(hosts) - len(silent), len(hosts), " NOT: %s." % ", ".join(silent) if silent else "")
    ]
    lines += ["", "## What is wrong", ""] + ([one.line() for one in found] or ["Nothing that this page knows to look for."])
    lines += ["", "## Hosts", "", "| host | groups | kubelet | API server | etcd | first certificate to end | fullest disk |"]
    lines += ["|---|---|---|---|---|---|---|"] + ["| %s |" % " | ".join(_row(host)) for host in hosts]
    lines += ["", "## Newest warnings of the API", "", "```"] + (_warnings(hosts) or ["none"]) + ["```"]
    lines += ["", "## In the archive", ""]
    lines += ["- %s: %s" % (host.name, ", ".join(sorted(host.texts)) or "nothing") for host in hosts if not host.why_not]
    return "\n".join(lines) + "\n"


def _row(host: Host) -> List[str]:
    if host.why_not:
        return [host.name, ", ".join(host.groups), "no answer", "", "", "", ""]
    facts = host.facts
    versions: Mapping[str, Any] = facts.get("packages") or {}
    running = (facts.get("kubelet") or {}).get("active")
    server, etcd = facts.get("apiserver") or {}, facts.get("etcd") or {}
    dated = [one for one in facts.get("certificates") or [] if isinstance(one.get("days_left"), int)]
    first = min(dated, key=lambda one: one["days_left"]) if dated else None
    disks: List[Dict[str, Any]] = [one for one in facts.get("filesystems") or [] if one.get("size_bytes")]
    fullest = min(disks, key=lambda one: one["free_bytes"] / one["size_bytes"]) if disks else None
    return [
        host.name,
        ", ".join(host.groups),
        "%s %s" % (versions.get("kubelet") or "none", "runs" if running else "does not run"),
        "" if server.get("ready") is None else "ready" if server.get("ready") else "NOT READY",
        "" if not etcd else "healthy" if etcd.get("healthy") else "NOT HEALTHY",
        "%s: %d days" % (first["path"], first["days_left"]) if first else "",
        "%s: %d %%" % (fullest["mount"], 100 - 100 * fullest["free_bytes"] // fullest["size_bytes"]) if fullest else "",
    ]


def _warnings(hosts: Sequence[Host]) -> List[str]:
    """The last ten warnings, of the first control plane that has any."""
    for host in hosts:
        events = [line for line in host.texts.get("api-events.txt", "").splitlines() if re.search(r"\sWarning\s", line)]
        if events:
            return [line[:240] for line in events[-10:]]
    return []
