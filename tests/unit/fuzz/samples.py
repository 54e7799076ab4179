"""What is right, for the damage to begin from: texts of programs and objects of servers, as short as they can be."""

# Lines as programs write them.
# ruff: noqa: E501
from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

TEXTS: Mapping[str, str] = {
    "swaps": "Filename Type Size Used Priority\n/dev/zram0 partition 8388604 0 100\n",
    "fstab": "UUID=1 / ext4 errors=remount-ro 0 1\nUUID=2 none swap sw 0 0\n",
    "stat": "12 (etcd) S 1 12 12 0 -1 4194560 1 0 0 0 5 3 0 0 20 0 9 0 4711 1 2 3\n",
    "rke2": "node-name: cp1\nserver: https://10.0.0.1:9345\ntoken: x\n",
    "iptables": "*filter\n:INPUT ACCEPT [0:0]\n:KUBE-SERVICES - [0:0]\n-A INPUT -j KUBE-SERVICES\n-A INPUT -p tcp -j ACCEPT\nCOMMIT\n",
    "nft": "table inet filter\ntable ip kube-proxy\n",
    "apt": "Inst kubelet [1.33.5-1.1] (1.33.6-1.1 x:y [amd64])\nInst libc6 [2.36] (2.37 Debian:12 [amd64])\n",
    "dnf": "kubelet.x86_64    1.33.6-150500.1.1    kubernetes\nObsoleting Packages\n",
    "kubeadm": (
        "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nkubernetesVersion: v1.33.6\nnetworking:\n"
        '  podSubnet: "10.244.0.0/16"\napiServer:\n  certSANs:\n  - 10.0.0.1\n  extraArgs: []\netcd: {}\n---\nkind: InitConfiguration\n'
    ),
    "cluster_status": "apiEndpoints:\n  cp1:\n    advertiseAddress: 10.0.0.1\n    bindPort: 6443\n  cp2:\n    advertiseAddress: 10.0.0.2\n    bindPort: 6443\n",
    "kubeconfig": (
        "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- name: a\n  context:\n    cluster: c\n    user: u\nclusters:\n- name: c\n"
        "  cluster:\n    server: https://10.0.0.1:6443\n    certificate-authority-data: ''\nusers:\n- name: u\n  user:\n    token: abc\n"
    ),
    "journal": (
        'E1122 01:02:03.4 kubelet.go:1] "Failed to run" err="running with swap on is not supported, please disable swap"\n'
        "error: abcdef.0123456789abcdef token\npassword: hunter22\nno space left on device\n"
    ),
    "metrics": 'apiserver_requested_deprecated_apis{group="policy",removed_release="1.25",resource="p",version="v1beta1"} 1\n',
    "fib_trie": "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 10.0.0.100\n        /32 host LOCAL\n",
    "if_inet6": "fd000000000000000000000000000001 02 40 00 80 eth0\n",
    "zdb": (
        "------------------------------------\nLABEL 0\n------------------------------------\n    version: 5000\n    name: 'tank'\n"
        "    state: 0\n    txg: 4\n    pool_guid: 12\n    hostname: 'a'\n    guid: 34\n"
    ),
    "zfs_list": (
        "tank/a\tfilesystem\t1\t2\t1790000000\toff\t-\ntank/a@autosnap_1\tsnapshot\t5\t6\t1790000001\t-\t0\n"
        "tank/a#b\tbookmark\t7\t8\t1790000002\t-\t-\n"
    ),
    "point": "tank/a/@20261122T010203Z-5-full",
    "archive": "/var/backups/kubernetes/20261122T010203Z-snapshot-cp1.tar.gz.enc",
}

CONDITION = {
    "type": "Ready",
    "status": "True",
    "reason": "KubeletReady",
    "message": "ready",
    "lastHeartbeatTime": "2026-09-21T13:33:20Z",
    "lastTransitionTime": "2026-09-21T13:00:00Z",
}
NODE: Dict[str, Any] = {
    "kind": "Node",
    "metadata": {
        "name": "cp1",
        "labels": {"node-role.kubernetes.io/control-plane": ""},
        "annotations": {"baremetal.kubernetes/cordoned-by": "upgrade", "kubeadm.alpha.kubernetes.io/cri-socket": "unix:///x"},
    },
    "spec": {
        "podCIDR": "10.244.0.0/24",
        "podCIDRs": ["10.244.0.0/24"],
        "unschedulable": True,
        "taints": [{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}],
    },
    "status": {
        "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}],
        "conditions": [CONDITION, {**CONDITION, "type": "DiskFailing"}],
        "nodeInfo": {"kubeletVersion": "v1.33.6", "containerRuntimeVersion": "containerd://2.0.4"},
    },
}
POD: Dict[str, Any] = {
    "kind": "Pod",
    "metadata": {
        "name": "etcd-cp1",
        "namespace": "kube-system",
        "uid": "1",
        "labels": {"a": "b"},
        "annotations": {"x": "y"},
        "ownerReferences": [{"kind": "StatefulSet", "name": "a", "controller": True}],
    },
    "spec": {"nodeName": "cp1", "containers": [{"image": "a:b"}], "volumes": [{"name": "v", "emptyDir": {}}]},
    "status": {
        "phase": "Running",
        "conditions": [CONDITION, {"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [
            {
                "ready": False,
                "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
                "lastState": {"terminated": {"finishedAt": "2026-09-21T13:33:20Z"}},
            }
        ],
    },
}
DEPLOYMENT: Dict[str, Any] = {
    "kind": "Deployment",
    "metadata": {"name": "coredns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": {"spec": {"containers": [{"image": "a:b"}]}}},
    "status": {"availableReplicas": 2},
}
STATEFUL_SET: Dict[str, Any] = {**DEPLOYMENT, "kind": "StatefulSet", "metadata": {"name": "a", "namespace": "kube-system"}}
DAEMON_SET: Dict[str, Any] = {**DEPLOYMENT, "kind": "DaemonSet", "metadata": {"name": "kube-proxy", "namespace": "kube-system"}}
KUBELET_CONFIG_MAP: Dict[str, Any] = {
    "kind": "ConfigMap",
    "metadata": {"name": "kubelet-config-1.20", "namespace": "kube-system", "resourceVersion": "12"},
    "data": {"kubelet": "kind: KubeletConfiguration\n", "value": "1"},
}
KUBEADM_CONFIG_MAP: Dict[str, Any] = {
    "kind": "ConfigMap",
    "metadata": {"name": "kubeadm-config", "namespace": "kube-system", "resourceVersion": "12"},
    "data": {
        "ClusterConfiguration": TEXTS["kubeadm"].partition("---")[0],
        "ClusterStatus": TEXTS["cluster_status"],
        "config.conf": "mode: iptables\n",
    },
}
VOLUME: Dict[str, Any] = {
    "kind": "PersistentVolume",
    "metadata": {"name": "v1"},
    "spec": {
        "local": {"path": "/mnt"},
        "claimRef": {"namespace": "a", "name": "b"},
        "nodeAffinity": {
            "required": {
                "nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["cp1"]}]}
                ]
            }
        },
    },
    "status": {"phase": "Bound"},
}
REQUEST: Dict[str, Any] = {
    "kind": "CertificateSigningRequest",
    "metadata": {"name": "csr-1"},
    "spec": {
        "signerName": "kubernetes.io/kubelet-serving",
        "username": "system:node:cp1",
        "groups": ["system:nodes"],
        "usages": ["digital signature", "server auth"],
        "request": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlJQgotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K",
    },
    "status": {},
}
SECRET: Dict[str, Any] = {
    "kind": "Secret",
    "metadata": {"name": "t", "namespace": "a"},
    "data": {"token": "ZXlKaGJHY2lPaUpTVXpJMU5pSXNJbXRwWkNJNkltRWlmUS5lMzAuYQ==", "ca.crt": "eA=="},
}
CLAIM: Dict[str, Any] = {
    "kind": "Lease",
    "metadata": {
        "name": "cp1",
        "namespace": "kube-node-lease",
        "resourceVersion": "4",
        "annotations": {"baremetal.kubernetes/takeovers": "[1790000000.5]", "baremetal.kubernetes/last": "cp1"},
    },
    "spec": {
        "holderIdentity": "cp1",
        "leaseDurationSeconds": 15,
        "leaseTransitions": 2,
        "renewTime": "2026-09-21T13:33:20.000000Z",
    },
}
#: Resource, as kubectl is asked for it -> what there is of it.
OBJECTS: Mapping[str, Sequence[Any]] = {
    "nodes": [NODE],
    "nodes,pods,deployments,statefulsets": [NODE, POD, DEPLOYMENT, STATEFUL_SET],
    "pods": [POD],
    "deployments": [DEPLOYMENT],
    "daemonsets": [DAEMON_SET],
    "persistentvolumes": [VOLUME],
    "leases.coordination.k8s.io": [CLAIM],
    "configmaps": [KUBEADM_CONFIG_MAP, KUBELET_CONFIG_MAP],
    "certificatesigningrequests": [REQUEST],
    "secrets": [SECRET],
}
RUN: Dict[str, Any] = {
    "playbook": "single",
    "inventory": ["i"],
    "begin": 1.0,
    "seconds": 2.5,
    "check": False,
    "partial": False,
    "outcome": "succeeded",
    "phases": [{"name": "Prepare", "seconds": 1.5, "hosts": 1}],
}
DRILL: List[Any] = [
    {"event": "plan", "at": 1.0, "limits": {}, "probe_interval": 0.05, "write_interval": 0.2, "lost": ["a"]},
    {"event": "begin", "fault": "kill", "at": 2.0, "kind": "probe", "seconds": 0.1, "ok": True},
    {"kind": "write", "key": "a", "at": 2.5, "seconds": 0.1, "ok": False, "error": "refused"},
]
HISTORY: Dict[str, Any] = {
    "boot": "boot",
    "samples": {"a": [[1.0, 3], [2.0, 4]]},
    "disks": {"x": "disk x"},
    "found": {"sda": [["disk", "sda", "failing", "text"]]},
    "accepted": {"at": 1.0, "counts": {"sda": {"bad": 3}}},
}
STORAGE = {"endpoint": "https://s3.example.org", "bucket": "b", "access_key": "k", "secret_key": "s"}
BACKUP_SETTINGS: Dict[str, Any] = {
    "cluster_name": "a",
    "host": "cp1",
    "paths": ["/etc/x"],
    "keep": {"last": 3},
    "storage": STORAGE,
    "takeover_seconds": 300,
}
ZFS_BACKUP_SETTINGS: Dict[str, Any] = {
    "cluster_name": "a",
    "host": "cp1",
    "datasets": [{"name": "tank/a", "recursive": True}],
    "storage": STORAGE,
    "part_mib": 256,
}
HARDWARE_SETTINGS: Dict[str, Any] = {
    "node_name": "cp1",
    "interval": 300,
    "thresholds": {"disk_wear_percent": {"warning": 80}},
    "devices": [{"name": "/dev/bus/0", "type": "megaraid,0"}],
    "failover_kinds": ["disk"],
}
FAILOVER_SETTINGS: Dict[str, Any] = {
    "node": "cp1",
    "provider": "ovh",
    "target": "ns1",
    "addresses": ["203.0.113.10"],
    "claim_seconds": 3,
    "interval": 0.5,
}
BESIDE: Dict[str, Any] = {
    "cluster": "a",
    "sha256": "a" * 64,
    "mac": "b",
    "salt": "c",
    "iterations": 600000,
    "snapshot": {},
    "trial": {},
}
SNAPSHOT: Dict[str, Any] = {"sha256": "a" * 64, "revision": 3, "keys": 4}
BUNDLE: Dict[str, Any] = {
    "kubernetes_version": "1.33.6",
    "binaries": {"kubeadm": "a" * 64},
    "cni": {"bridge": "b" * 64},
    "images": [
        {
            "archive": "images/a.tar",
            "sha256": "c" * 64,
            "references": ["registry.k8s.io/pause:3.10"],
            "roles": ["worker"],
            "digest": "sha256:" + "d" * 64,
        }
    ],
    "charts": [{"name": "cilium", "version": "1.16.0", "file": "cilium.tgz", "sha256": "e" * 64, "images": ["a:b"]}],
    "packages": [{"system": "debian-12", "names": ["a"], "files": {"debian-12/a.deb": "f" * 64}}],
    "sizes": {"images/a.tar": 12},
    "sources": {"https://example.org": ["images/a.tar"]},
}
ENCRYPTION: Dict[str, Any] = {
    "resources": [
        {"resources": ["secrets"], "providers": [{"aescbc": {"keys": [{"name": "k", "secret": "eA=="}]}}, {"identity": {}}]}
    ]
}
S3_LIST = [
    b'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>true</IsTruncated>'
    b"<NextContinuationToken>t</NextContinuationToken><Contents><Key>a/b</Key><Size>12</Size></Contents></ListBucketResult>"
]
S3_ERROR = [b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"]
_FLOATING = {"id": 7, "ip": "203.0.113.10", "server": 41}
_ACTION = {
    "id": 1,
    "status": "running",
    "command": "assign_floating_ip",
    "resources": [{"id": 41, "type": "server"}],
    "error": {"code": "x", "message": "y"},
}
_FLEXIBLE = {"id": "f1", "ip_address": "203.0.113.10/32", "server_id": "22222222-2222-4222-8222-222222222222", "status": "attached"}
PROVIDERS: Mapping[str, Sequence[Any]] = {
    "ovh": [
        {
            "ip": "203.0.113.10/32",
            "routedTo": {"serviceName": "ns1.ip-198-51-100.eu"},
            "taskId": 5,
            "status": "todo",
            "function": "genericMoveFloatingIp",
            "comment": "",
            "destination": {"serviceName": "ns1"},
        },
        [5, 6],
        {"errorCode": "NOT_FOUND", "class": "Client::NotFound", "message": "no"},
    ],
    "hetzner_robot": [
        {"failover": {"ip": "203.0.113.10", "active_server_ip": "198.51.100.1", "server_ip": "198.51.100.9"}},
        {
            "error": {
                "status": 404,
                "code": "NOT_FOUND",
                "message": "no",
                "max_request": 50,
                "interval": 3600,
                "missing": ["a"],
                "invalid": ["b"],
            }
        },
    ],
    "hetzner_cloud": [
        {
            "floating_ip": _FLOATING,
            "floating_ips": [_FLOATING],
            "action": _ACTION,
            "actions": [_ACTION],
            "servers": [{"id": 41, "name": "a"}],
            "meta": {"pagination": {"next_page": None}},
        },
        {"error": {"code": "locked", "message": "no", "details": {"fields": [{"name": "a", "messages": ["b"]}]}}},
    ],
    "scaleway": [
        {**_FLEXIBLE, "flexible_ips": [_FLEXIBLE], "total_count": 1},
        {"type": "invalid_arguments", "message": "no", "details": [{"argument_name": "a", "help_message": "b", "reason": "c"}]},
    ],
}
