# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the security settings of a cluster mean for its components: arguments, fields, files and volumes. Pure.

Sources: kubernetes.io tasks/administer-cluster/encrypt-data, tasks/debug/debug-cluster/audit, tasks/configure-pod-container/
enforce-standards-admission-controller, reference/access-authn-authz/kubelet-tls-bootstrapping; CIS Kubernetes Benchmark 1.10.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping

from ansible_collections.baremetal.kubernetes.plugins.module_utils.errors import SettingError
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.versions import release

#: Everything that the API server reads lies here, so that it takes one volume.
FOLDER = "/etc/kubernetes/security"
ENCRYPTION_FILE = FOLDER + "/encryption.json"
AUDIT_FILE = FOLDER + "/audit.json"
ADMISSION_FILE = FOLDER + "/admission.json"
AUDIT_LOG_FOLDER = "/var/log/kubernetes/audit"

#: Providers with a key of their own. aesgcm would need a new key every 200,000 writes (encrypt-data), kms a service of its own.
ENCRYPTION_PROVIDERS = ("secretbox", "aescbc")
REFUSED_PROVIDERS = {
    "identity": ("it encrypts nothing", "write none"),
    "aesgcm": ("it is unsafe after 200,000 writes with one key, which nothing here counts", "write secretbox"),
    "kms": ("it needs a service of its own on every control plane", "write secretbox, or set it up by cluster_api_server_args"),
}
POD_SECURITY_LEVELS = ("privileged", "baseline", "restricted")
#: Namespaces whose pods have to be privileged, as far as roles of this collection make them.
EXEMPT = ("kube-system", "kube-flannel", "tigera-operator", "calico-system", "metallb-system")

#: Nothing of a secret's content, nothing of what is only noise; who did what for all else.
DEFAULT_AUDIT_RULES: List[Dict[str, Any]] = [
    {"level": "None", "users": ["system:kube-proxy"], "verbs": ["watch"]},
    {"level": "None", "userGroups": ["system:nodes"], "verbs": ["get", "list", "watch"]},
    {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version", "/swagger*", "/openapi*"]},
    {"level": "None", "resources": [{"group": "", "resources": ["events"]}, {"group": "coordination.k8s.io"}]},
    {"level": "Metadata"},
]
#: Flags that this module sets; one of them on a running API server that is not wanted any more was ours.
OWNED = ("encryption-provider-config", "audit-policy-file", "audit-log-path", "admission-control-config-file")
#: CIS 1.2.29, 4.2.12: ciphers that have forward secrecy and authenticate what they encrypt.
CIPHERS = (
    *("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"),
    *("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
)


def security_data(settings: Mapping[str, Any]) -> Dict[str, Any]:
    """``api_server``, ``controller_manager``, ``scheduler`` (arguments), ``volumes``, ``kubelet`` (fields) and ``files``.

    All are empty where nothing is asked for.

    :param settings: the settings cluster_encryption, cluster_audit, cluster_audit_rules, cluster_kubelet_serving,
        cluster_pod_security, cluster_cis and cluster_kubernetes_version, without their prefix.
    :raises SettingError: the first that can't be had.
    """
    check(settings)
    api: Dict[str, Any] = {}
    files: List[Dict[str, str]] = []
    volumes: List[Dict[str, Any]] = []
    components: Dict[str, Dict[str, Any]] = {"controller_manager": {}, "scheduler": {}, "kubelet": {}}
    if settings["encryption"] != "none":
        api["encryption-provider-config"] = ENCRYPTION_FILE
    if settings["audit"]:
        api.update({"audit-policy-file": AUDIT_FILE, "audit-log-path": AUDIT_LOG_FOLDER + "/audit.log"})
        api.update({"audit-log-maxage": "30", "audit-log-maxbackup": "10", "audit-log-maxsize": "100"})
        files.append(_file(AUDIT_FILE, audit_policy(settings["audit_rules"])))
    if settings["pod_security"]:
        api["admission-control-config-file"] = ADMISSION_FILE
        files.append(_file(ADMISSION_FILE, admission(settings["pod_security"], settings["kubernetes_version"])))
    if any(value.startswith(FOLDER + "/") for value in api.values()):
        volumes.append({"name": "security", "host_path": FOLDER, "mount_path": FOLDER, "read_only": True, "path_type": "Directory"})
    if settings["audit"]:
        log = {"host_path": AUDIT_LOG_FOLDER, "mount_path": AUDIT_LOG_FOLDER}
        volumes.append({"name": "audit-log", **log, "path_type": "DirectoryOrCreate"})
    if settings["kubelet_serving"]:
        # Without it nobody would look at the certificates that are signed now.
        api["kubelet-certificate-authority"] = "/etc/kubernetes/pki/ca.crt"
        components["kubelet"]["serverTLSBootstrap"] = True
    if settings["cis"]:
        ciphers = ",".join(CIPHERS)
        api.update({"profiling": "false", "tls-cipher-suites": ciphers, "tls-min-version": "VersionTLS12"})
        components["controller_manager"].update({"profiling": "false", "terminated-pod-gc-threshold": "1000"})
        components["scheduler"]["profiling"] = "false"
        kubelet = {"streamingConnectionIdleTimeout": "5m0s", "tlsCipherSuites": list(CIPHERS), "tlsMinVersion": "VersionTLS12"}
        components["kubelet"].update({**kubelet, "eventRecordQPS": 5})
    return {"api_server": api, "volumes": volumes, "files": files, **components}


def check(settings: Mapping[str, Any]) -> None:
    """Refuse what would not work.

    :raises SettingError: the first of it.
    """
    for error in problems(settings):
        raise error


def problems(settings: Mapping[str, Any]) -> List[SettingError]:
    """All that is wrong with the settings of security_data."""
    found: List[SettingError] = []
    provider = str(settings["encryption"])
    if provider in REFUSED_PROVIDERS:
        found.append(
            SettingError(
                "cluster_encryption", "%s: %s" % (provider, REFUSED_PROVIDERS[provider][0]), REFUSED_PROVIDERS[provider][1]
            )
        )
    elif provider not in ("none",) + ENCRYPTION_PROVIDERS:
        words = ", ".join(ENCRYPTION_PROVIDERS)
        found.append(SettingError("cluster_encryption", "there is no provider %r" % provider, "write none, or one of %s" % words))
    for rule in settings["audit_rules"]:
        if not isinstance(rule, Mapping) or rule.get("level") not in ("None", "Metadata", "Request", "RequestResponse"):
            problem = "%.60r has no level" % (rule,)
            found.append(
                SettingError("cluster_audit_rules", problem, "give each level: None, Metadata, Request or RequestResponse")
            )
    if settings["audit_rules"] and not settings["audit"]:
        found.append(
            SettingError("cluster_audit_rules", "there are rules, and no audit log", "set cluster_audit: true, or remove them")
        )
    level = str(settings["pod_security"])
    if level and level not in POD_SECURITY_LEVELS:
        words = ", ".join(POD_SECURITY_LEVELS)
        found.append(
            SettingError("cluster_pod_security", "there is no level %r" % level, "write one of %s, or leave it empty" % words)
        )
    elif level and not release(settings["kubernetes_version"]).pod_security_api:
        problem = "Kubernetes %s can't have defaults of Pod Security, which came with 1.23" % settings["kubernetes_version"]
        found.append(SettingError("cluster_pod_security", problem, "leave it empty, or upgrade first"))
    if settings["cis"] and (not settings["audit"] or settings["encryption"] == "none" or not settings["kubelet_serving"]):
        problem = (
            "the benchmark asks for an audit log, for encryption at rest and for kubelets with certificates of the cluster's CA"
        )
        remedy = "set cluster_audit: true, cluster_encryption: secretbox and cluster_kubelet_serving: true, too"
        found.append(SettingError("cluster_cis", problem, remedy))
    return found


def audit_policy(rules: List[Mapping[str, Any]]) -> Dict[str, Any]:
    """The Policy with a user's rules, or with ours."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": list(rules) or DEFAULT_AUDIT_RULES,
    }


def admission(level: str, version: str) -> Dict[str, Any]:
    """The AdmissionConfiguration with which namespaces without labels of their own have a level of Pod Security."""
    defaults = {"enforce": level, "audit": "restricted", "warn": "restricted"}
    pinned = {name + "-version": "latest" for name in defaults}
    configuration = {
        "apiVersion": "pod-security.admission.config.k8s.io/" + release(version).pod_security_api,
        "kind": "PodSecurityConfiguration",
        "defaults": {**defaults, **pinned},
        "exemptions": {"usernames": [], "runtimeClasses": [], "namespaces": list(EXEMPT)},
    }
    plugins = [{"name": "PodSecurity", "configuration": configuration}]
    return {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration", "plugins": plugins}


def _file(path: str, content: Mapping[str, Any]) -> Dict[str, str]:
    return {"path": path, "content": json.dumps(content, indent=2, sort_keys=True) + "\n", "mode": "0600"}
