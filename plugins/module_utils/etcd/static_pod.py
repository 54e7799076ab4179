# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A member of external etcd as a static pod of a kubelet that serves no cluster (standalone mode).

The pod's flags stand in its manifest, and the kubelet starts it anew for each change of that file. So the order to begin a new
cluster, which must not outlive the beginning, costs one restart behind the gate: a member whose data is lost must never begin an
empty cluster by itself.
Source: https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/setup-ha-etcd-with-kubeadm/
"""

from __future__ import annotations

import hashlib
import os
import pwd
import time
from typing import Any, Dict, List, Mapping, Sequence

from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.members import has_quorum, known_as
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.operation import Operator, Pod, Service
from ansible_collections.baremetal.kubernetes.plugins.module_utils.etcd.settings import (
    AUTHORITY,
    BEGINNING,
    KUBELET_UNIT,
    MANIFEST,
    PKI,
    USER,
    parse_environment,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.errors import HostStateError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.host.files import WantedFile, apply_now, modified_at
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.yaml_writer import dump
from ansible_collections.baremetal.kubernetes.plugins.module_utils.node.processes import command_lines
from ansible_collections.baremetal.kubernetes.plugins.module_utils.runner import Runner

KUBELET = "kubelet"
KUBELET_CONFIG = "/etc/etcd/kubelet.yaml"
LOGS = "/var/log/pods"
#: What kubeadm gives its own etcd (K8S cmd/kubeadm/app/phases/etcd/local.go), and the value of system-node-critical.
REQUESTS = {"cpu": "100m", "memory": "100Mi"}
PRIORITY = 2000001000
#: Seconds that etcd has for its end, as the kubelet gives it.
GRACE = 60
#: How often the others are looked at, a second apart: one that was started a moment ago may have no leader yet.
LOOKS = 5


def manifest(pod: Pod, flags: Mapping[str, str], folders: Sequence[str], user: Sequence[int], authority: str) -> str:
    """The pod's text. A flag, or the authority, that changes changes it, and nothing else does."""
    mounts: List[Dict[str, Any]] = []
    volumes: List[Dict[str, Any]] = []
    for number, folder in enumerate(folders):
        name = "folder-%d" % number
        mounts.append({"name": name, "mountPath": folder})
        # Not DirectoryOrCreate: it would be root's.
        volumes.append({"name": name, "hostPath": {"path": folder, "type": "Directory"}})
    container = {
        "name": "etcd",
        "image": pod.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["etcd"] + ["--%s=%s" % pair for pair in sorted(flags.items())],
        "resources": {"requests": dict(REQUESTS)},
        "volumeMounts": mounts,
    }
    return "# Written by baremetal.kubernetes.etcd. Changes made here are lost.\n" + dump(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": "etcd",
                "namespace": "kube-system",
                "labels": {"component": "etcd"},
                "annotations": {"baremetal.kubernetes/authority": hashlib.sha256(authority.encode()).hexdigest()[:16]},
            },
            "spec": {
                "hostNetwork": True,
                "priorityClassName": "system-node-critical",
                "priority": PRIORITY,
                "securityContext": {"runAsUser": user[0], "runAsGroup": user[1]},
                "containers": [container],
                "volumes": volumes,
            },
        }
    )


def processes(runner: Runner, data_dir: str) -> List[int]:
    """The processes of etcd that have this directory."""
    return [pid for pid, arguments in command_lines(runner, "etcd") if "--data-dir=" + data_dir in arguments]


class PodOperator(Operator):
    """The same member, kept running by a kubelet."""

    at_boot = KUBELET
    runs_as = "static pod etcd"
    _kubelet_active = False

    @property
    def pod(self) -> Pod:
        return self.wanted.pod or Pod("", "", "")

    def _unit_files(self) -> None:
        self._file(WantedFile(os.path.dirname(MANIFEST), "directory", mode="0755"))
        self._file(WantedFile(os.path.dirname(KUBELET_UNIT), "directory", mode="0755"))
        self._file(WantedFile(KUBELET_UNIT, content=self.pod.kubelet_unit))
        self._file(WantedFile(KUBELET_CONFIG, content=self.pod.kubelet_config))

    def _wanted_manifest(self) -> str:
        flags = self._flags()
        flags.update(parse_environment(self.runner.read(BEGINNING) or ""))
        folders = [self.wanted.data_dir, PKI] + [flags[name] for name in ("wal-dir",) if flags.get(name)]
        try:
            account = pwd.getpwnam(USER)
            user = (account.pw_uid, account.pw_gid)
        except KeyError:
            # Only a check comes so far without the user that it would make.
            user = (0, 0)
        return manifest(self.pod, flags, folders, user, self.runner.read(AUTHORITY + ".crt") or "")

    # --- the kubelet ---

    def _service(self) -> Service:
        service = self._read_service()
        reason = self._kubelet_reason(service)
        if not reason:
            return service
        self.outcome.setting("service kubelet", reason, "restart")
        if not self.check:
            self.runner.run(["systemctl", "daemon-reload"], timeout=120)
            self.runner.run(["systemctl", "reset-failed", "--", KUBELET], timeout=30)
            result = self.runner.run(["systemctl", "restart", "--", KUBELET], timeout=120)
            if result.rc != 0:
                raise HostStateError(
                    "service kubelet", "systemctl restart failed: %s" % result.stderr.strip(), "read journalctl -u kubelet"
                )
        return self._read_service()

    def _kubelet_reason(self, service: Service) -> str:
        if not self._kubelet_active:
            return "it does not run"
        for path in (KUBELET_UNIT, KUBELET_CONFIG):
            changed = modified_at(path)
            if path in self.outcome.written or (changed is not None and changed > service.started_at):
                return "%s changed after its start" % path
        return "its unit changed" if service.needs_daemon_reload else ""

    def _read_service(self) -> Service:
        service = self._read_unit(KUBELET)
        self._kubelet_active = service.active
        return service._replace(active=service.active and self.runner.exists(MANIFEST), failed=False)

    # --- the pod ---

    def _outdated(self, _service: Service) -> str:
        return "" if self.runner.read(MANIFEST) == self._wanted_manifest() else "its settings, its image or the authority changed"

    def _restart(self) -> None:
        text = self._wanted_manifest()
        if self.runner.read(MANIFEST) == text:
            # The kubelet starts nothing anew for a file that is the same.
            self._stop()
        before = processes(self.runner, self.wanted.data_dir)
        apply_now(self.runner, WantedFile(MANIFEST, content=text, mode="0600"))
        # What runs until the kubelet has seen the file would answer for what is to come.
        self._until_gone(before, "the kubelet did not restart it within %d s" % GRACE)

    def _stop(self) -> None:
        apply_now(self.runner, WantedFile(MANIFEST, "absent"))
        self._until_gone(processes(self.runner, self.wanted.data_dir), "it still runs %d s after its manifest went" % GRACE)

    def _until_gone(self, before: Sequence[int], problem: str) -> None:
        end = time.monotonic() + GRACE
        while set(before) & set(processes(self.runner, self.wanted.data_dir)):
            if time.monotonic() > end:
                raise HostStateError(self.runs_as, problem, "read journalctl -u kubelet")
            self.pause(0.3)

    def _log(self) -> str:
        """The last lines of its newest container; where there is none, the kubelet's."""
        newest, moment = "", 0.0
        for folder in self.runner.list_dir(LOGS):
            if folder.startswith("kube-system_etcd-"):
                for name in self.runner.list_dir("%s/%s/etcd" % (LOGS, folder)):
                    path = "%s/%s/etcd/%s" % (LOGS, folder, name)
                    changed = modified_at(path) or 0.0
                    if changed > moment:
                        newest, moment = path, changed
        lines = (self.runner.read(newest) or "").strip().splitlines()[-12:] if newest else []
        if lines:
            return "\n".join(lines)
        argv = ["journalctl", "--unit", KUBELET, "--lines=12", "--no-pager", "--output=cat"]
        return self.runner.run(argv, timeout=30).stdout.strip()

    def _end_of_beginning(self) -> None:
        # All of them begin now: the next call, for one after the other, takes the order back. And where a founding member is still
        # missing, it has to come first: the next run takes the order back.
        if self.wanted.bootstrap or not self.runner.exists(BEGINNING) or not self._others_suffice():
            return
        super()._end_of_beginning()
        self.outcome.setting(self.runs_as, "with the order to begin", "restart without it")
        self._restart()
        self._wait()

    def _others_suffice(self) -> bool:
        """Whether the others have a quorum, where there is one without this member at all."""
        if len(self.wanted.others) < 2:
            return True
        for look in range(LOOKS):
            if look:
                self.pause(1)
            members, healthy = self._others_alive()
            own = known_as(members, self.wanted.member)
            if has_quorum(members, healthy - {own.id if own else 0}):
                return True
        return False
