# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a description to the text of a kubeadm configuration file, or to every reason why not. Pure."""

from __future__ import annotations

from functools import partial
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.check import (
    KINDS,
    Target,
    check_document,
    describe,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.errors import (
    ConfigError,
    Problem,
    did_you_mean,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.fields_components import COMPONENT_API
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.fields_kubeadm import KUBEADM
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.rules import components, networks, nodes
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.rules.context import Context
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.translate import SECTIONS, Translation
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import (
    API_VERSIONS,
    Release,
    VersionError,
    release,
    supported,
    supported_text,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.yaml_writer import dump_all
from ansible_collections.baremetal.kubernetes.plugins.module_utils.values import merged

#: Every document that a file may have, in the order in which it has them.
DOCUMENTS: Dict[str, str] = dict(SECTIONS, kubelet="KubeletConfiguration", kube_proxy="KubeProxyConfiguration")

#: The command that reads a file with this document.
_COMMAND = {"init": "init", "join": "join", "reset": "reset", "upgrade": "upgrade_apply"}


class Rendered(NamedTuple):
    """A finished configuration. ``text`` is empty where the API has none of the documents: then ``flags`` say it all."""

    api_version: str
    documents: List[Dict[str, Any]]
    text: str
    flags: List[str]
    flags_by_command: Dict[str, List[str]]
    warnings: List[str]
    config_validate: bool


def render(
    kubernetes_version: Any,
    documents: Sequence[str],
    description: Mapping[str, Any],
    extra: Optional[Mapping[str, Any]] = None,
    api_version: Optional[str] = None,
    allow_public_metrics: bool = False,
    cgroup_version: Optional[int] = None,
) -> Rendered:
    """The configuration file for a version. ``description`` has a dictionary for each name in DOCUMENTS.

    Raises ConfigError with every problem. Everything described is checked, only ``documents`` are written.
    """
    facts, api = _target(kubernetes_version, api_version)
    problems: List[Problem] = []
    for name in documents:
        if name not in DOCUMENTS:
            problems.append(Problem("documents", "there is no document %r." % (name,), did_you_mean(str(name), DOCUMENTS)))
    for name in description:
        if name not in DOCUMENTS:
            problems.append(Problem(str(name), "there is no such section.", did_you_mean(str(name), DOCUMENTS)))
    translation = Translation(facts, api)
    for section in SECTIONS:
        translation.add(section, description.get(section) or {})
    translation.documents["ClusterConfiguration"].setdefault("kubernetesVersion", facts.version.tag)
    found: Dict[str, Dict[str, Any]] = dict(translation.documents)
    for name in ("kubelet", "kube_proxy"):
        _component(name, description.get(name) or {}, found, translation)
    _merge_extra(extra or {}, found, translation)
    _dual_stack_gate(facts, found["ClusterConfiguration"])

    wanted = {DOCUMENTS[name]: name for name in documents if name in DOCUMENTS}
    present = {kind: document for kind, document in found.items() if kind in wanted or _described(kind, document)}
    warnings: List[str] = []
    for kind, document in present.items():
        problems += check_document(kind, document, Target(api, facts.minor), partial(translation.name_of, kind), warnings)
    context = Context(present, translation, facts, allow_public_metrics, cgroup_version)
    for rule in nodes.RULES + networks.RULES + components.RULES:
        rule(context)
    problems += translation.problems + context.problems
    if problems:
        raise ConfigError(problems)
    return _finish(facts, api, [name for name in DOCUMENTS if name in documents], found, translation, warnings + context.warnings)


def _target(kubernetes_version: Any, api_version: Optional[str]) -> Tuple[Release, str]:
    try:
        facts = release(kubernetes_version)
    except VersionError as error:
        raise ConfigError([Problem("kubernetes_version", error.problem, error.remedy)])
    if not supported(facts.version):
        raise ConfigError(
            [
                Problem(
                    "kubernetes_version",
                    "this collection makes no configuration for Kubernetes %s." % facts.version.minor_text,
                    "Write a version of %s." % supported_text(),
                )
            ]
        )
    api = api_version or facts.kubeadm_api
    api = api.rsplit("/", 1)[-1]
    if api not in facts.readable_apis:
        known = "kubeadm %s does not take %s" % (facts.version.minor_text, api)
        if api not in API_VERSIONS:
            known = "there is no API %s" % api
        choices = ", ".join(facts.readable_apis)
        remedy = "Leave it out for %s, or write one of: %s." % (facts.kubeadm_api, choices)
        raise ConfigError([Problem("api_version", known + ".", remedy)])
    return facts, api


def _described(kind: str, document: Mapping[str, Any]) -> bool:
    return bool(document) and not (kind == "ClusterConfiguration" and set(document) == {"kubernetesVersion"})


def _component(name: str, fields: Any, found: Dict[str, Dict[str, Any]], translation: Translation) -> None:
    """A component's fields in the API's own spelling; empty values are left out."""
    kind = DOCUMENTS[name]
    if not isinstance(fields, Mapping):
        translation.problems.append(Problem(name, "it is %s, not a dictionary." % describe(fields), "Write fields of %s." % kind))
        fields = {}
    found[kind] = {field: value for field, value in fields.items() if value is not None}
    for field in found[kind]:
        translation.origins[(kind, (str(field),))] = "%s.%s" % (name, field)


def _dual_stack_gate(facts: Release, cluster: Dict[str, Any]) -> None:
    """Kubernetes whose dual stack is alpha gets its gate, unless the description says something about it."""
    networking, gates = cluster.get("networking"), cluster.get("featureGates", {})
    if not facts.dual_stack_gate or not isinstance(networking, Mapping) or not isinstance(gates, Mapping):
        return
    if any("," in str(networking.get(name, "")) for name in ("podSubnet", "serviceSubnet")):
        cluster["featureGates"] = dict({facts.dual_stack_gate: True}, **gates)


def _merge_extra(extra: Any, found: Dict[str, Dict[str, Any]], translation: Translation) -> None:
    if not isinstance(extra, Mapping):
        translation.problems.append(
            Problem("extra", "it is %s, not a dictionary." % describe(extra), "Write kind: {field: value}.")
        )
        return
    for kind, fields in extra.items():
        setting = "extra.%s" % kind
        if kind not in KINDS:
            translation.problems.append(Problem(setting, "there is no such kind.", did_you_mean(str(kind), KINDS)))
        elif not isinstance(fields, Mapping):
            translation.problems.append(
                Problem(setting, "it is %s, not a dictionary." % describe(fields), "Write fields of %s." % kind)
            )
        else:
            kept = {}
            for name, value in fields.items():
                if name in ("apiVersion", "kind"):
                    translation.problems.append(
                        Problem(
                            "%s.%s" % (setting, name),
                            "it is not set here.",
                            "Leave it out; the option api_version picks the API.",
                        )
                    )
                else:
                    kept[name] = value
            _extra_origins(kind, (), kept, setting, translation)
            found[kind] = merged(found[kind], kept)


def _extra_origins(kind: str, path: Tuple[str, ...], fields: Mapping[Any, Any], setting: str, translation: Translation) -> None:
    for name, value in fields.items():
        here = path + (str(name),)
        if isinstance(value, Mapping) and value:
            _extra_origins(kind, here, value, "%s.%s" % (setting, name), translation)
        else:
            translation.origins[(kind, here)] = "%s.%s" % (setting, name)


def _finish(
    facts: Release,
    api: str,
    names: List[str],
    found: Mapping[str, Dict[str, Any]],
    translation: Translation,
    warnings: List[str],
) -> Rendered:
    written = []
    for name in names:
        kind = DOCUMENTS[name]
        if kind in KUBEADM and not any(api in field.apis for field in KUBEADM[kind].fields.values()):
            continue  # reset and upgrade have no document before v1beta4
        group = COMPONENT_API.get(kind, "kubeadm.k8s.io/" + api)
        written.append(dict(found[kind], apiVersion=group, kind=kind))
    flags = {command: list(arguments) for command, arguments in translation.flags.items()}
    if "init" not in names and found["InitConfiguration"].get("skipPhases") and "cluster" in names:
        flags["init"].append("--skip-phases=" + ",".join(found["InitConfiguration"]["skipPhases"]))
    commands = [_COMMAND[name] for name in ("init", "join", "reset", "upgrade") if name in names]
    command = commands[0] if commands else "init"
    return Rendered(
        api_version="kubeadm.k8s.io/" + api,
        documents=written,
        text=dump_all(written),
        flags=flags[command],
        flags_by_command=flags,
        warnings=warnings,
        config_validate=facts.config_validate,
    )
