# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the version-neutral description, in snake_case, to documents in the spelling of one kubeadm API."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.check import describe, duration_seconds
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.errors import Problem, did_you_mean
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.fields import (
    ARGUMENTS,
    BOOL,
    DURATION,
    INTEGER,
    STRING,
    Field,
    ListOf,
    MapOf,
    Struct,
    look_up,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.fields_kubeadm import KUBEADM
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import Release

Path = Tuple[str, ...]

#: The option of the description for each kind, and back.
SECTIONS = {
    "init": "InitConfiguration",
    "cluster": "ClusterConfiguration",
    "join": "JoinConfiguration",
    "reset": "ResetConfiguration",
    "upgrade": "UpgradeConfiguration",
}

#: Parts of the API whose fields the description has one level higher: (section, API path) -> new names.
_HOISTED: Dict[Tuple[str, str], Dict[str, str]] = {
    ("init", "nodeRegistration"): {"name": "node_name"},
    ("init", "localAPIEndpoint"): {},
    ("init", "patches"): {"directory": "patches_directory"},
    ("join", "nodeRegistration"): {"name": "node_name"},
    ("join", "patches"): {"directory": "patches_directory"},
    ("join", "discovery.bootstrapToken"): {},
    ("join", "discovery.file"): {"kubeConfigPath": "file"},
    ("join", "controlPlane.localAPIEndpoint"): {},
    ("upgrade", "apply.patches"): {"directory": "patches_directory"},
    ("upgrade", "node.patches"): {"directory": "patches_directory"},
}

#: API fields that the description leaves out, since another setting stands for them in every API.
_HIDDEN = {
    ("cluster", "apiServer.timeoutForControlPlane"),
    ("cluster", "useHyperKubeImage"),
    ("cluster", "dns.type"),
    ("join", "discovery.timeout"),
}

#: Where an API without the timeouts struct has the same time (K8S v1beta4/doc.go).
_MOVED: Dict[Tuple[str, str], Tuple[str, str]] = {
    ("InitConfiguration", "timeouts.controlPlaneComponentHealthCheck"): (
        "ClusterConfiguration",
        "apiServer.timeoutForControlPlane",
    ),
    ("JoinConfiguration", "timeouts.discovery"): ("JoinConfiguration", "discovery.timeout"),
}

#: Phases that stand for a switch which the API lacks (facts section 1.2).
_PHASES = {
    ("ClusterConfiguration", "proxy.disabled"): "addon/kube-proxy",
    ("ClusterConfiguration", "dns.disabled"): "addon/coredns",
}


class _Flag(NamedTuple):
    """A command-line argument that stands for a field: ``name`` is empty for a positional argument."""

    command: str
    name: str
    since: int = 0
    until: int = 99


#: Arguments for fields that an API lacks. 1.20's stand in ``kubeadm <command> --help`` of the 1.20.2 binary;
#: --patches replaced --experimental-patches in 1.22, upgrade apply has --skip-phases since 1.32 (SR-1.32 #126032).
_FLAGS: Dict[Tuple[str, str], Tuple[_Flag, ...]] = {
    ("InitConfiguration", "skipPhases"): (_Flag("init", "--skip-phases"),),
    ("InitConfiguration", "patches.directory"): (
        _Flag("init", "--experimental-patches", until=21),
        _Flag("init", "--patches", since=22),
    ),
    ("InitConfiguration", "dryRun"): (_Flag("init", "--dry-run"),),
    ("JoinConfiguration", "skipPhases"): (_Flag("join", "--skip-phases"),),
    ("JoinConfiguration", "patches.directory"): (
        _Flag("join", "--experimental-patches", until=21),
        _Flag("join", "--patches", since=22),
    ),
    ("JoinConfiguration", "dryRun"): (_Flag("join", "--dry-run", since=24),),
    ("ResetConfiguration", "certificatesDir"): (_Flag("reset", "--cert-dir"),),
    ("ResetConfiguration", "criSocket"): (_Flag("reset", "--cri-socket"),),
    ("ResetConfiguration", "force"): (_Flag("reset", "--force"),),
    ("ResetConfiguration", "ignorePreflightErrors"): (_Flag("reset", "--ignore-preflight-errors"),),
    ("ResetConfiguration", "skipPhases"): (_Flag("reset", "--skip-phases"),),
    ("ResetConfiguration", "dryRun"): (_Flag("reset", "--dry-run", since=25),),
    ("ResetConfiguration", "cleanupTmpDir"): (_Flag("reset", "--cleanup-tmp-dir", since=28),),
    ("UpgradeConfiguration", "apply.kubernetesVersion"): (_Flag("upgrade_apply", ""),),
    ("UpgradeConfiguration", "apply.allowExperimentalUpgrades"): (_Flag("upgrade_apply", "--allow-experimental-upgrades"),),
    ("UpgradeConfiguration", "apply.allowRCUpgrades"): (_Flag("upgrade_apply", "--allow-release-candidate-upgrades"),),
    ("UpgradeConfiguration", "apply.certificateRenewal"): (_Flag("upgrade_apply", "--certificate-renewal"),),
    ("UpgradeConfiguration", "apply.dryRun"): (_Flag("upgrade_apply", "--dry-run"),),
    ("UpgradeConfiguration", "apply.etcdUpgrade"): (_Flag("upgrade_apply", "--etcd-upgrade"),),
    ("UpgradeConfiguration", "apply.forceUpgrade"): (_Flag("upgrade_apply", "--force"),),
    ("UpgradeConfiguration", "apply.ignorePreflightErrors"): (_Flag("upgrade_apply", "--ignore-preflight-errors"),),
    ("UpgradeConfiguration", "apply.printConfig"): (_Flag("upgrade_apply", "--print-config"),),
    ("UpgradeConfiguration", "apply.skipPhases"): (_Flag("upgrade_apply", "--skip-phases", since=32),),
    ("UpgradeConfiguration", "apply.patches.directory"): (
        _Flag("upgrade_apply", "--experimental-patches", until=21),
        _Flag("upgrade_apply", "--patches", since=22),
    ),
    ("UpgradeConfiguration", "node.certificateRenewal"): (_Flag("upgrade_node", "--certificate-renewal"),),
    ("UpgradeConfiguration", "node.dryRun"): (_Flag("upgrade_node", "--dry-run"),),
    ("UpgradeConfiguration", "node.etcdUpgrade"): (_Flag("upgrade_node", "--etcd-upgrade"),),
    ("UpgradeConfiguration", "node.ignorePreflightErrors"): (_Flag("upgrade_node", "--ignore-preflight-errors"),),
    ("UpgradeConfiguration", "node.skipPhases"): (_Flag("upgrade_node", "--skip-phases"),),
    ("UpgradeConfiguration", "node.patches.directory"): (
        _Flag("upgrade_node", "--experimental-patches", until=21),
        _Flag("upgrade_node", "--patches", since=22),
    ),
    ("UpgradeConfiguration", "plan.kubernetesVersion"): (_Flag("upgrade_plan", ""),),
    ("UpgradeConfiguration", "plan.allowExperimentalUpgrades"): (_Flag("upgrade_plan", "--allow-experimental-upgrades"),),
    ("UpgradeConfiguration", "plan.allowRCUpgrades"): (_Flag("upgrade_plan", "--allow-release-candidate-upgrades"),),
    ("UpgradeConfiguration", "plan.ignorePreflightErrors"): (_Flag("upgrade_plan", "--ignore-preflight-errors"),),
    ("UpgradeConfiguration", "plan.printConfig"): (_Flag("upgrade_plan", "--print-config"),),
}

COMMANDS = ("init", "join", "reset", "upgrade_apply", "upgrade_node", "upgrade_plan")

#: Lists that mean something when they are empty: no taint at all, against kubeadm's default taint.
_EMPTY_MEANS_NONE = {("InitConfiguration", "nodeRegistration.taints"), ("JoinConfiguration", "nodeRegistration.taints")}

#: Parts of the description that mean something when they are an empty dictionary.
_PRESENCE = {("JoinConfiguration", "controlPlane")}


def snake_case(name: str) -> str:
    """The description's spelling of an API field: certSANs -> cert_sans, caCertHashes -> ca_cert_hashes."""
    text = name.replace("SANs", "Sans")
    text = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", text)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", text).lower()


class Leaf(NamedTuple):
    path: Path
    field: Field


class Branch:
    """Settings under one name; ``path`` is the API's struct."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: Dict[str, Union[Leaf, "Branch"]] = {}


def _tree(section: str, struct: Struct, branch: Branch, path: Path, renamed: Mapping[str, str]) -> None:
    for name, field in struct.fields.items():
        here = path + (name,)
        key = (section, ".".join(here))
        if key in _HIDDEN:
            continue
        if isinstance(field.type, Struct):
            if key in _HOISTED:
                _tree(section, field.type, branch, here, _HOISTED[key])
                continue
            inner = Branch(here)
            _tree(section, field.type, inner, here, {})
            branch.entries[snake_case(name)] = inner
        else:
            branch.entries[renamed.get(name, snake_case(name))] = Leaf(here, field)


def description_tree() -> Dict[str, Branch]:
    """Every setting of the description, derived from the API's field tables."""
    trees = {}
    for section, kind in SECTIONS.items():
        trees[section] = Branch(())
        _tree(section, KUBEADM[kind], trees[section], (), {})
    return trees


TREE = description_tree()


def settings(tree: Optional[Mapping[str, Branch]] = None) -> List[str]:
    """Every setting's full name, as in init.advertise_address."""
    found: List[str] = []

    def walk(branch: Branch, prefix: str) -> None:
        for name, entry in branch.entries.items():
            found.append("%s.%s" % (prefix, name))
            if isinstance(entry, Branch):
                walk(entry, "%s.%s" % (prefix, name))

    for section, branch in (tree or TREE).items():
        walk(branch, section)
    return found


_SETTINGS = settings()


def _names() -> Dict[Tuple[str, Path], str]:
    """The setting for each field, and for each struct that the description has under a name."""
    found: Dict[Tuple[str, Path], str] = {}

    def walk(section: str, branch: Branch, prefix: str) -> None:
        for name, entry in branch.entries.items():
            found[(SECTIONS[section], entry.path)] = "%s.%s" % (prefix, name)
            if isinstance(entry, Branch):
                walk(section, entry, "%s.%s" % (prefix, name))

    for section, branch in TREE.items():
        walk(section, branch, section)
    return found


_NAMES = _names()


class Translation:
    """Documents by kind, the flags for what the API lacks, and where in the description each field came from."""

    def __init__(self, release: Release, api: str) -> None:
        self.release = release
        self.api = api
        self.documents: Dict[str, Dict[str, Any]] = {kind: {} for kind in KUBEADM}
        self.flags: Dict[str, List[str]] = {command: [] for command in COMMANDS}
        self.problems: List[Problem] = []
        self.origins: Dict[Tuple[str, Path], str] = {}

    # --- from settings to fields

    def add(self, section: str, description: Mapping[str, Any]) -> None:
        """Take one section of the description."""
        if not isinstance(description, Mapping):
            self._wrong(section, "it is %s, not a dictionary." % describe(description), "Write settings under it.")
            return
        self._branch(section, TREE[section], description, section)

    def _wrong(self, setting: str, problem: str, remedy: str) -> None:
        self.problems.append(Problem(setting, problem, remedy))

    def _branch(self, section: str, branch: Branch, values: Mapping[str, Any], prefix: str) -> None:
        for name, value in values.items():
            setting = "%s.%s" % (prefix, name)
            entry = branch.entries.get(name) if isinstance(name, str) else None
            if entry is None:
                self._unknown(setting, str(name), branch)
            elif isinstance(entry, Branch):
                self._inner(section, entry, value, setting)
            else:
                self._leaf(SECTIONS[section], entry, value, setting)

    def _inner(self, section: str, entry: Branch, value: Any, setting: str) -> None:
        kind = SECTIONS[section]
        if isinstance(value, Mapping):
            if (kind, ".".join(entry.path)) in _PRESENCE:
                _put(self.documents[kind], entry.path, {})
                self.origins[(kind, entry.path)] = setting
            self._branch(section, entry, value, setting)
        elif value not in (None, "", [], ()):
            self._wrong(
                setting,
                "it is %s, not a dictionary." % describe(value),
                "Write settings under it: %s." % ", ".join(entry.entries),
            )

    def _unknown(self, setting: str, name: str, branch: Branch) -> None:
        elsewhere = [known for known in _SETTINGS if known.rsplit(".", 1)[1] in (name, snake_case(name))]
        here = [each for each in branch.entries if each in (name, snake_case(name))]
        if elsewhere and not here:
            self._wrong(setting, "there is no such setting here.", "It belongs in %s." % " or ".join(elsewhere[:3]))
        else:
            self._wrong(setting, "there is no such setting.", did_you_mean(name, branch.entries))

    def _leaf(self, kind: str, leaf: Leaf, value: Any, setting: str) -> None:
        path = ".".join(leaf.path)
        keeps_empty = (kind, path) in _EMPTY_MEANS_NONE and isinstance(value, (list, tuple))
        if value is None or (value in ("", {}, [], ()) and not isinstance(value, (bool, int)) and not keeps_empty):
            return
        converted = self._convert(leaf.field.type, value, setting)
        if (kind, path) == ("ClusterConfiguration", "kubernetesVersion") and isinstance(converted, str):
            converted = converted if converted.startswith("v") or not converted[:1].isdigit() else "v" + converted
        self.place(kind, leaf.path, converted, setting)

    # --- from fields to where this API has them

    def place(self, kind: str, path: Path, value: Any, setting: str) -> None:
        """Put a value into the document, or where this API has it instead."""
        key = (kind, ".".join(path))
        lacking = self._lacking(kind, path)
        if lacking is None:
            if key == ("InitConfiguration", "skipPhases"):
                value = self._phases(value)
            _put(self.documents[kind], path, value)
            self.origins[(kind, path)] = setting
            return
        if key in _MOVED and self._lacking(_MOVED[key][0], tuple(_MOVED[key][1].split("."))) is None:
            self.place(_MOVED[key][0], tuple(_MOVED[key][1].split(".")), value, setting)
            return
        if value == lacking.default or (lacking.type == DURATION and _same_time(value, lacking.default)):
            return
        if key in _PHASES and value is True:
            self.place("InitConfiguration", ("skipPhases",), [_PHASES[key]], setting)
            return
        minor = self.release.minor
        flags = [flag for flag in _FLAGS.get(key, ()) if flag.since <= minor <= flag.until]
        if flags:
            self._flag(flags[0], value)
            return
        self._wrong(
            setting,
            "kubeadm %s (%s) has nothing for it." % (self.release.version.minor_text, self.api),
            "It is in %s; leave it out." % lacking.where(),
        )

    def _lacking(self, kind: str, path: Path) -> Optional[Field]:
        """The field (or the struct around it) that this API or minor lacks, with the leaf's own default; None where it is there."""
        leaf = look_up(KUBEADM[kind], path)
        for length in range(1, len(path) + 1):
            field = look_up(KUBEADM[kind], path[:length])
            if field is not None and not field.available(self.api, self.release.minor):
                return leaf
        return None

    def _phases(self, value: Any) -> Any:
        known = self.documents["InitConfiguration"].get("skipPhases", [])
        if not isinstance(value, list) or not isinstance(known, list):
            return value
        return known + [phase for phase in value if phase not in known]

    def _flag(self, flag: _Flag, value: Any) -> None:
        flags = self.flags[flag.command]
        if not flag.name:
            flags.insert(0, "v" + str(value).lstrip("v"))
        elif isinstance(value, bool):
            flags.append(flag.name if value else flag.name + "=false")
        elif isinstance(value, list):
            text = ",".join(str(item) for item in value)
            same = [index for index, each in enumerate(flags) if each.startswith(flag.name + "=")]
            if same:
                flags[same[0]] += "," + text
            else:
                flags.append("%s=%s" % (flag.name, text))
        else:
            flags.append("%s=%s" % (flag.name, value))

    # --- values

    def _convert(self, kind_of: Any, value: Any, setting: str) -> Any:
        """The value in the API's spelling; what is wrong with it is left for the check of the document."""
        if isinstance(kind_of, ListOf):
            if not isinstance(value, (list, tuple)):
                return value
            return [self._convert(kind_of.item, item, "%s[%d]" % (setting, index)) for index, item in enumerate(value)]
        if isinstance(kind_of, Struct):
            return self._struct(kind_of, value, setting)
        if isinstance(kind_of, MapOf):
            if not isinstance(value, Mapping):
                return value
            return {name: self._convert(kind_of.value, item, setting) for name, item in value.items()}
        if kind_of == ARGUMENTS:
            return self._arguments(value, setting)
        return _scalar(kind_of, value)

    def _struct(self, struct: Struct, value: Any, setting: str) -> Any:
        if not isinstance(value, Mapping):
            return value
        names = {snake_case(name): name for name in struct.fields}
        converted = {}
        for name, item in value.items():
            if name not in names:
                self._wrong("%s.%s" % (setting, name), "there is no such setting.", did_you_mean(str(name), names))
            elif item is not None:
                field = struct.fields[names[name]]
                converted[names[name]] = self._convert(field.type, item, "%s.%s" % (setting, name))
        return converted

    def _arguments(self, value: Any, setting: str) -> Any:
        """A map of name to value (or to a list, for a repeated argument) in the API's form."""
        if not isinstance(value, Mapping):
            self._wrong(setting, "it is %s, not a map of name: value." % describe(value), "Write, for example, {v: 2}.")
            return {} if self.api != "v1beta4" else []
        pairs: List[Tuple[Any, str]] = []
        for name, item in value.items():
            here = "%s.%s" % (setting, name)
            if isinstance(item, (list, tuple)):
                if self.api != "v1beta4":
                    self._wrong(
                        here,
                        "%s can't repeat an argument." % self.api,
                        "Write one value; many flags take several with commas between them.",
                    )
                    continue
                items = list(item)
            else:
                items = [item]
            for each in items:
                if isinstance(each, bool):
                    pairs.append((name, "true" if each else "false"))
                elif isinstance(each, (str, int, float)):
                    pairs.append((name, str(each)))
                elif each is not None:
                    self._wrong(here, "%s is no value of an argument." % describe(each), "Write text.")
        if self.api == "v1beta4":
            return [{"name": name, "value": text} for name, text in pairs]
        return dict(pairs)

    def name_of(self, kind: str, path: Path) -> str:
        """The user's own name for a field: of the description where it came from there, else Kind.field."""
        for length in range(len(path), 0, -1):
            setting = self.origins.get((kind, path[:length]))
            if setting:
                spell = snake_case if setting.split(".")[0] in SECTIONS else str
                return setting + "".join(part if part.startswith("[") else "." + spell(part) for part in path[length:])
        if (kind, path) in _NAMES:
            return _NAMES[(kind, path)]
        return kind + "".join(part if part.startswith("[") else "." + part for part in path)


def _scalar(kind_of: str, value: Any) -> Any:
    """Ansible's templates turn numbers and booleans into text; read them back where the field wants them."""
    if isinstance(value, str):
        if kind_of == BOOL and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if kind_of == INTEGER and re.match(r"\d{1,18}$", value):
            return int(value)
        return str(value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and (kind_of == STRING or (kind_of == DURATION and value == 0)):
        return str(value)
    return value


def _same_time(left: Any, right: Any) -> bool:
    seconds = duration_seconds(left)
    return seconds is not None and seconds == duration_seconds(right)


def _put(document: Dict[str, Any], path: Path, value: Any) -> None:
    for name in path[:-1]:
        document = document.setdefault(name, {})
    if isinstance(value, dict) and isinstance(document.get(path[-1]), dict) and not value:
        return
    document[path[-1]] = value
