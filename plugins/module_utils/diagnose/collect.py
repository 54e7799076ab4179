# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one looks at by hand on a node when something is wrong: logs, static pods, etcd, certificates, addresses, disks, the API.

Nothing is changed, everything is bounded in time and size, and what does not answer is part of the picture.
"""

from __future__ import annotations

import base64
import io
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.container.runtime import RUNTIMES
from ansible_collections.baremetal.kubernetes.plugins.module_utils.diagnose.redact import redact
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.client import EtcdClient
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.errors import EtcdError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import KUBEADM_CLIENTS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.kubernetes import MANIFESTS, parse_flags
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import NOT_FOUND, TIMED_OUT, Runner

SECONDS = 20.0
#: No single file of the archive is larger; of what is, the end is kept, since the newest stands there.
MAXIMUM = 2 * 1024 * 1024
PODS = "/var/log/pods"
RUNTIME_UNITS = tuple(unit for runtime in RUNTIMES.values() for unit in runtime.services if not unit.endswith(".socket"))
UNITS = ("kubelet", *RUNTIME_UNITS, "etcd", "haproxy", "nginx", "keepalived", "chrony", "systemd-timesyncd")
ADMIN = "/etc/kubernetes/admin.conf"

#: name of the file -> what is run for it on every host.
COMMANDS: Tuple[Tuple[str, Tuple[str, ...]], ...] = (
    ("uptime.txt", ("uptime",)),
    ("failed-units.txt", ("systemctl", "--failed", "--plain", "--no-legend")),
    ("addresses.txt", ("ip", "-br", "address")),
    ("routes.txt", ("ip", "route", "show", "table", "all")),
    ("links.txt", ("ip", "-s", "link")),
    ("listening.txt", ("ss", "-lntup")),
    ("disks.txt", ("df", "-hT")),
    ("inodes.txt", ("df", "-i")),
    ("memory.txt", ("free", "-m")),
    ("processes.txt", ("ps", "-eo", "pid,ppid,stat,etime,rss,pcpu,comm", "--sort=-pcpu")),
    ("kernel.txt", ("dmesg", "--time-format=iso", "--level=emerg,alert,crit,err,warn")),
    ("clock.txt", ("timedatectl", "show")),
    ("containers.txt", ("crictl", "ps", "--all")),
    ("tasks.txt", ("ctr", "--namespace", "k8s.io", "tasks", "list")),
    ("rules-iptables.txt", ("iptables-save", "--counters")),
    ("rules-nftables.txt", ("nft", "list", "ruleset")),
)
#: The same on a control plane, asked of its own API server.
KUBECTL: Tuple[Tuple[str, Tuple[str, ...]], ...] = (
    ("api-readyz.txt", ("get", "--raw", "/readyz?verbose")),
    ("api-nodes.txt", ("get", "nodes", "--output=wide")),
    ("api-nodes-described.txt", ("describe", "nodes")),
    ("api-pods.txt", ("get", "pods", "--all-namespaces", "--output=wide")),
    ("api-events.txt", ("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp")),
    ("api-workloads.txt", ("get", "daemonsets,deployments,statefulsets", "--all-namespaces", "--output=wide")),
    ("api-services.txt", ("get", "services,endpoints", "--all-namespaces", "--output=wide")),
    ("api-budgets.txt", ("get", "poddisruptionbudgets", "--all-namespaces")),
    ("api-volumes.txt", ("get", "persistentvolumes,persistentvolumeclaims", "--all-namespaces")),
    ("api-signing-requests.txt", ("get", "certificatesigningrequests")),
    ("api-leases.txt", ("get", "leases", "--all-namespaces")),
    ("api-webhooks.txt", ("get", "validatingwebhookconfigurations,mutatingwebhookconfigurations")),
)
FILES = (
    "/etc/os-release",
    "/proc/meminfo",
    "/proc/pressure/cpu",
    "/proc/pressure/io",
    "/proc/pressure/memory",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/fstab",
    "/etc/containerd/config.toml",
    "/etc/crio/crio.conf.d/90-kubernetes.conf",
    "/etc/docker/daemon.json",
    "/etc/crictl.yaml",
    "/var/lib/kubelet/instance-config.yaml",
    "/var/lib/kubelet/config.yaml",
    "/var/lib/kubelet/kubeadm-flags.env",
    "/etc/default/kubelet",
    "/etc/sysconfig/kubelet",
    "/etc/haproxy/haproxy.cfg",
    "/etc/nginx/nginx.conf",
    "/etc/keepalived/keepalived.conf",
)


def collect(runner: Runner, facts: Mapping[str, Any], since: str, lines: int) -> Dict[str, str]:
    """File name -> its text, without secrets."""
    jobs: Dict[str, Sequence[str]] = dict(COMMANDS)
    for unit in UNITS:
        argv = ["journalctl", "--unit=" + unit, "--since=" + since, "--lines=%d" % lines, "--no-pager", "--output=short-iso"]
        jobs["journal-%s.log" % unit] = argv
    if runner.exists(ADMIN):
        port = parse_flags(runner.read(MANIFESTS + "/kube-apiserver.yaml") or "").get("secure-port", "6443")
        server = ["--server=https://127.0.0.1:%s" % port, "--tls-server-name=kubernetes", "--request-timeout=10s"]
        for name, words in KUBECTL:
            jobs[name] = ["kubectl", "--kubeconfig", ADMIN] + server + list(words)
    with ThreadPoolExecutor(max_workers=6) as executor:
        running = {name: executor.submit(_run, runner, argv) for name, argv in jobs.items()}
        etcd = executor.submit(_etcd, runner)
        texts = {name: job.result() for name, job in running.items()}
        texts["etcd.txt"] = etcd.result()
    for path in list(FILES) + ["%s/%s" % (MANIFESTS, name) for name in runner.list_dir(MANIFESTS)]:
        text = runner.read(path)
        if text is not None:
            texts["files" + path] = text
    texts.update(_pod_logs(runner, lines))
    found = {name: redact(text[-MAXIMUM:]) for name, text in sorted(texts.items()) if text.strip()}
    # Value by value: taken as one text it would no longer be JSON.
    found["facts.json"] = json.dumps(_clean(facts), indent=1, sort_keys=True, default=str)
    return found


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, Mapping):
        return {key: _clean(part) for key, part in value.items()}
    return [_clean(part) for part in value] if isinstance(value, (list, tuple)) else value


def _run(runner: Runner, argv: Sequence[str]) -> str:
    answer = runner.run(list(argv), timeout=SECONDS)
    if answer.rc == NOT_FOUND:
        return ""
    if answer.rc == TIMED_OUT:
        return "%s did not end within %d s\n" % (" ".join(argv), SECONDS)
    if "-- No entries --" in answer.stdout and len(answer.stdout) < 200:
        return ""
    note = "" if answer.rc == 0 else "\n(exit code %d) %s" % (answer.rc, answer.stderr)
    return answer.stdout + note


def _pod_logs(runner: Runner, lines: int) -> Dict[str, str]:
    """The newest and the last but one log of every container of kube-system here: why one died stands in the latter."""
    found: Dict[str, str] = {}
    for pod in runner.list_dir(PODS):
        if not pod.startswith("kube-system_"):
            continue
        name = pod.split("_")[1]
        for container in runner.list_dir("%s/%s" % (PODS, pod)):
            folder = "%s/%s/%s" % (PODS, pod, container)
            logs = sorted((log for log in runner.list_dir(folder) if log.endswith(".log")), key=lambda log: (len(log), log))
            for log in logs[-2:]:
                text = (runner.read_bytes("%s/%s" % (folder, log)) or b"")[-MAXIMUM:].decode("utf-8", "replace")
                found["pods/%s/%s-%s" % (name, container, log)] = "\n".join(text.splitlines()[-lines:]) + "\n"
    return found


def _etcd(runner: Runner) -> str:
    """Every member's own word: version, size, leader, term, alarms, health."""
    files = next((triple for triple in KUBEADM_CLIENTS if all(map(runner.exists, triple))), None)
    if files is None or not runner.exists(MANIFESTS + "/etcd.yaml"):
        return ""
    text: List[str] = []
    try:
        local = EtcdClient("https://127.0.0.1:2379", *files)
        members = local.member_list()
        text += ["alarm %s of member %x" % (alarm.kind, alarm.member_id) for alarm in local.alarms()]
    except EtcdError as error:
        return "the member of this host: %s\n" % error
    for member in members:
        for url in member.client_urls[:1] or [""]:
            text.append(_member(member.name or "(never started) %s" % ",".join(member.peer_urls), url, files))
    return "\n".join(text) + "\n"


def _member(name: str, url: str, files: Tuple[str, str, str]) -> str:
    if not url:
        return "%s: it has no client address" % name
    try:
        client = EtcdClient(url, *files)
        status, health = client.status(), client.health()
    except EtcdError as error:
        return "%s: %s" % (name, error.cause)
    return "%s: %s, version %s, %d MB (%d in use), leader %x, term %d, index %d%s" % (
        name,
        "healthy" if health.healthy else "NOT HEALTHY (%s)" % health.reason,
        status.version,
        status.db_size // 1000000,
        status.db_size_in_use // 1000000,
        status.leader,
        status.raft_term,
        status.raft_index,
        ", learner" if status.learner else "",
    )


def packed(texts: Mapping[str, str]) -> str:
    """The files as a tar.gz in base64, which is how they come to the controller."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=6) as archive:
        for name, text in texts.items():
            content = text.encode("utf-8", "replace")
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o600
            archive.addfile(entry, io.BytesIO(content))
    return base64.b64encode(stream.getvalue()).decode("ascii")
