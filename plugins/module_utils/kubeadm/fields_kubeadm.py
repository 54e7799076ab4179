# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of kubeadm's own documents in v1beta2, v1beta3 and v1beta4.

Sources: K8S cmd/kubeadm/app/apis/kubeadm/v1beta{2,3,4}/types.go and doc.go, v1beta4/defaults.go; SR-1.33 #130023
(plan.etcdUpgrade), SR-1.34 #131677 (ECDSA-P384), SR-1.35 #134890 (httpEndpoints).
"""

from __future__ import annotations

from typing import Dict

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
)

B2 = ("v1beta2",)
B2_B3 = ("v1beta2", "v1beta3")
B3_B4 = ("v1beta3", "v1beta4")
B4 = ("v1beta4",)

STRINGS = ListOf(STRING)

#: v1beta4/defaults.go and constants.go; the defaults are what older kubeadm has built in.
TIMEOUTS = Struct(
    controlPlaneComponentHealthCheck=Field(DURATION, B4, default="4m0s"),
    kubeletHealthCheck=Field(DURATION, B4, default="4m0s"),
    kubernetesAPICall=Field(DURATION, B4, default="1m0s"),
    etcdAPICall=Field(DURATION, B4, default="2m0s"),
    tlsBootstrap=Field(DURATION, B4, default="5m0s"),
    discovery=Field(DURATION, B4, default="5m0s"),
    upgradeManifests=Field(DURATION, B4, default="5m0s"),
)

TAINT = Struct(
    key=STRING,
    value=STRING,
    effect=Field(STRING, choices=("NoSchedule", "PreferNoSchedule", "NoExecute")),
    timeAdded=STRING,
)

IMAGE_PULL_POLICIES = ("Always", "IfNotPresent", "Never")

NODE_REGISTRATION = Struct(
    name=STRING,
    criSocket=STRING,
    taints=ListOf(TAINT),
    kubeletExtraArgs=ARGUMENTS,
    ignorePreflightErrors=STRINGS,
    imagePullPolicy=Field(STRING, B3_B4, choices=IMAGE_PULL_POLICIES, default="IfNotPresent"),
    imagePullSerial=Field(BOOL, B4, default=True),
)

LOCAL_API_ENDPOINT = Struct(advertiseAddress=STRING, bindPort=INTEGER)

PATCHES = Struct(directory=Field(STRING, B3_B4))

BOOTSTRAP_TOKEN = Struct(
    token=STRING,
    description=STRING,
    ttl=DURATION,
    expires=STRING,
    usages=ListOf(STRING),
    groups=STRINGS,
)

HOST_PATH_MOUNT = Struct(
    name=STRING,
    hostPath=STRING,
    mountPath=STRING,
    readOnly=BOOL,
    pathType=Field(
        STRING,
        choices=("DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice"),
    ),
)

#: corev1.EnvVar without valueFrom, which a static pod can't resolve.
ENVIRONMENT_VARIABLE = Struct(name=STRING, value=STRING)

COMPONENT = {
    "extraArgs": Field(ARGUMENTS),
    "extraVolumes": Field(ListOf(HOST_PATH_MOUNT)),
    "extraEnvs": Field(ListOf(ENVIRONMENT_VARIABLE), B4),
}

INIT = Struct(
    bootstrapTokens=ListOf(BOOTSTRAP_TOKEN),
    nodeRegistration=NODE_REGISTRATION,
    localAPIEndpoint=LOCAL_API_ENDPOINT,
    certificateKey=STRING,
    skipPhases=Field(STRINGS, B3_B4),
    patches=Field(PATCHES, B3_B4),
    dryRun=Field(BOOL, B4, default=False),
    timeouts=Field(TIMEOUTS, B4),
)

CLUSTER = Struct(
    etcd=Struct(
        local=Struct(
            imageRepository=STRING,
            imageTag=STRING,
            dataDir=STRING,
            extraArgs=ARGUMENTS,
            extraEnvs=Field(ListOf(ENVIRONMENT_VARIABLE), B4),
            serverCertSANs=STRINGS,
            peerCertSANs=STRINGS,
        ),
        external=Struct(
            endpoints=STRINGS,
            caFile=STRING,
            certFile=STRING,
            keyFile=STRING,
            httpEndpoints=Field(STRINGS, B4, since=35),
        ),
    ),
    networking=Struct(serviceSubnet=STRING, podSubnet=STRING, dnsDomain=STRING),
    kubernetesVersion=STRING,
    controlPlaneEndpoint=STRING,
    apiServer=Struct(certSANs=STRINGS, timeoutForControlPlane=Field(DURATION, B2_B3), **COMPONENT),
    controllerManager=Struct(**COMPONENT),
    scheduler=Struct(**COMPONENT),
    dns=Struct(
        type=Field(STRING, B2, choices=("CoreDNS",)),
        imageRepository=STRING,
        imageTag=STRING,
        disabled=Field(BOOL, B4, default=False),
    ),
    proxy=Field(Struct(disabled=Field(BOOL, B4, default=False)), B4),
    certificatesDir=STRING,
    imageRepository=STRING,
    useHyperKubeImage=Field(BOOL, B2),
    featureGates=MapOf(BOOL),
    clusterName=STRING,
    encryptionAlgorithm=Field(STRING, B4, default="RSA-2048"),
    certificateValidityPeriod=Field(DURATION, B4, default="8760h0m0s"),
    caCertificateValidityPeriod=Field(DURATION, B4, default="87600h0m0s"),
)

JOIN = Struct(
    nodeRegistration=NODE_REGISTRATION,
    caCertPath=STRING,
    discovery=Struct(
        bootstrapToken=Struct(
            token=STRING,
            apiServerEndpoint=STRING,
            caCertHashes=STRINGS,
            unsafeSkipCAVerification=BOOL,
        ),
        file=Struct(kubeConfigPath=STRING),
        tlsBootstrapToken=STRING,
        timeout=Field(DURATION, B2_B3),
    ),
    controlPlane=Struct(localAPIEndpoint=LOCAL_API_ENDPOINT, certificateKey=STRING),
    skipPhases=Field(STRINGS, B3_B4),
    patches=Field(PATCHES, B3_B4),
    dryRun=Field(BOOL, B4, default=False),
    timeouts=Field(TIMEOUTS, B4),
)

RESET = Struct(
    cleanupTmpDir=Field(BOOL, B4, default=False),
    certificatesDir=Field(STRING, B4, default="/etc/kubernetes/pki"),
    criSocket=Field(STRING, B4),
    dryRun=Field(BOOL, B4, default=False),
    force=Field(BOOL, B4, default=False),
    ignorePreflightErrors=Field(STRINGS, B4),
    skipPhases=Field(STRINGS, B4),
    unmountFlags=Field(ListOf(STRING), B4),
    timeouts=Field(TIMEOUTS, B4),
)

_UPGRADE_APPLY = Struct(
    kubernetesVersion=Field(STRING, B4),
    allowExperimentalUpgrades=Field(BOOL, B4, default=False),
    allowRCUpgrades=Field(BOOL, B4, default=False),
    certificateRenewal=Field(BOOL, B4, default=True),
    dryRun=Field(BOOL, B4, default=False),
    etcdUpgrade=Field(BOOL, B4, default=True),
    forceUpgrade=Field(BOOL, B4, default=False),
    ignorePreflightErrors=Field(STRINGS, B4),
    patches=Field(PATCHES, B4),
    printConfig=Field(BOOL, B4, default=False),
    skipPhases=Field(STRINGS, B4, since=32),
    imagePullPolicy=Field(STRING, B4, choices=IMAGE_PULL_POLICIES, default="IfNotPresent"),
    imagePullSerial=Field(BOOL, B4, default=True),
)

_UPGRADE_NODE = Struct(
    certificateRenewal=Field(BOOL, B4, default=True),
    dryRun=Field(BOOL, B4, default=False),
    etcdUpgrade=Field(BOOL, B4, default=True),
    ignorePreflightErrors=Field(STRINGS, B4),
    skipPhases=Field(STRINGS, B4),
    patches=Field(PATCHES, B4),
    imagePullPolicy=Field(STRING, B4, choices=IMAGE_PULL_POLICIES, default="IfNotPresent"),
    imagePullSerial=Field(BOOL, B4, default=True),
)

_UPGRADE_PLAN = Struct(
    kubernetesVersion=Field(STRING, B4),
    allowExperimentalUpgrades=Field(BOOL, B4, default=False),
    allowRCUpgrades=Field(BOOL, B4, default=False),
    dryRun=Field(BOOL, B4, default=False),
    etcdUpgrade=Field(BOOL, B4, since=33, default=True),
    ignorePreflightErrors=Field(STRINGS, B4),
    printConfig=Field(BOOL, B4, default=False),
)

UPGRADE = Struct(
    apply=Field(_UPGRADE_APPLY, B4),
    node=Field(_UPGRADE_NODE, B4),
    plan=Field(_UPGRADE_PLAN, B4),
    diff=Field(Struct(kubernetesVersion=Field(STRING, B4), contextLines=Field(INTEGER, B4, default=3)), B4),
    timeouts=Field(TIMEOUTS, B4),
)

#: By kind.
KUBEADM: Dict[str, Struct] = {
    "InitConfiguration": INIT,
    "ClusterConfiguration": CLUSTER,
    "JoinConfiguration": JOIN,
    "ResetConfiguration": RESET,
    "UpgradeConfiguration": UPGRADE,
}
