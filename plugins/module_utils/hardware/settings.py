# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is told about its hardware: one JSON file, which role hardware_watch writes and its program reads."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import ProblemError, SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.findings import KINDS
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.smart import Device
from ansible_collections.baremetal.kubernetes.plugins.module_utils.hardware.thresholds import Threshold, merged
from ansible_collections.baremetal.kubernetes.plugins.module_utils.json_data import from_json
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubernetes.kubectl import ADMIN_KUBECONFIG
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import truth, whole_number

PATH = "/etc/kubernetes-hardware-watch/settings.json"
STATE = "/var/lib/baremetal-kubernetes/hardware-watch"
#: On every host, made anew at each boot: what was found before it says nothing about now.
CONDITIONS = "/run/kubernetes-hardware-watch/conditions"
#: keepalived gives its addresses away while 1 is in it (role keepalived, keepalived_unfit_files). In /run itself, which is there
#: before keepalived is.
UNFIT = "/run/kubernetes-hardware-unfit"

Complaint = Tuple[str, str, str]


class Settings(NamedTuple):
    """Names and defaults are those of role hardware_watch without its prefix (a test compares them)."""

    node_name: str
    interval: int = 300
    thresholds: Mapping[str, Any] = {}
    devices: Tuple[Device, ...] = ()
    ignore_devices: Tuple[str, ...] = ()
    ignore_missing_disks: bool = False
    events_days: int = 7
    metrics_directory: str = "/var/lib/prometheus/node-exporter"
    #: What a control plane does about a node that is failing. Each is its own decision.
    cordon: bool = False
    drain: bool = False
    move_address: bool = False
    dry_run: bool = True
    failover_kinds: Tuple[str, ...] = ("disk", "memory", "pool")
    failover_after: int = 600
    keep_healthy: int = 1
    drain_timeout: int = 300
    drain_grace_period: int = -1
    delete_empty_dir_data: bool = False
    evict_unmanaged: bool = False
    kubeconfig: str = ADMIN_KUBECONFIG
    kubectl_path: str = "kubectl"

    @property
    def acts(self) -> bool:
        """Whether anything was opted into."""
        return self.cordon or self.drain or self.move_address

    def limits(self) -> Dict[str, Threshold]:
        return merged(self.thresholds)


def read_settings(text: Optional[str], path: str = PATH) -> Settings:
    """The settings in a host's file.

    :raises ProblemError: it is missing or was changed by hand into something else.
    """
    remedy = "run the playbook that writes it"
    if text is None:
        raise ProblemError(path, "it can't be read", remedy)
    try:
        data = from_json(text)
        made = Settings(
            **{
                **data,
                "devices": tuple(Device(str(one["name"]), str(one.get("type") or "")) for one in data.get("devices", ())),
                "ignore_devices": tuple(data.get("ignore_devices", ())),
                "failover_kinds": tuple(data.get("failover_kinds", Settings("x").failover_kinds)),
            }
        )
        made.limits()
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ProblemError(path, "it is not what the role writes: %s" % error, remedy)
    return made


def complaints(settings: Mapping[str, Any]) -> List[Complaint]:
    """All that is wrong with the role's variables: setting, problem, remedy. Types are checked elsewhere."""
    found: List[Complaint] = []

    def given(name: str) -> Any:
        return settings.get("hardware_watch_" + name)

    try:
        thresholds = given("thresholds")
        merged(thresholds if isinstance(thresholds, Mapping) else {})
    except SettingError as error:
        found.append((error.subject, error.problem, error.remedy))
    for name, least, words in (
        ("interval", 30, "a look at all disks takes seconds"),
        ("failover_after", 60, "nothing may be decided by one look"),
        ("keep_healthy", 1, "the last healthy node is never drained"),
        ("events_days", 1, "an event has to be seen at least once"),
        ("drain_timeout", 1, "pods take their time to end"),
    ):
        value = whole_number(given(name))
        if value is not None and value < least:
            found.append(("hardware_watch_" + name, "%d is too little: %s" % (value, words), "write %d or more" % least))
    kinds = given("failover_kinds")
    unknown = [str(kind) for kind in kinds if kind not in KINDS] if isinstance(kinds, list) else []
    if unknown:
        problem = "there is no kind %s" % ", ".join(unknown)
        found.append(("hardware_watch_failover_kinds", problem, "write some of %s" % ", ".join(KINDS)))
    if truth(given("drain")) and not truth(given("cordon")):
        found.append(
            (
                "hardware_watch_cordon",
                "a node that is drained is closed first, and this has not been allowed (hardware_watch_drain is)",
                "write hardware_watch_cordon: true as well",
            )
        )
    return found
