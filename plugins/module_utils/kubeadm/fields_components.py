# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of KubeletConfiguration and KubeProxyConfiguration, with the minors that have them.

Source: the json tags of k8s.io/kubelet config/v1beta1/types.go and k8s.io/kube-proxy config/v1alpha1/types.go, read in
v0.20.0 and v0.24.0 to v0.37.0 (kube-proxy without v0.27.0), and of k8s.io/component-base for what they embed.
"""

from __future__ import annotations

from typing import Dict

from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.fields import (
    BOOL,
    DURATION,
    INTEGER,
    NUMBER,
    QUANTITY,
    STRING,
    Field,
    ListOf,
    MapOf,
    Struct,
)
from ansible_collections.baremetal.kubernetes.plugins.module_utils.kubeadm.fields_kubeadm import TAINT

#: The newest minor whose kubelet types these tables have: for a newer one an unknown kubelet field is only warned of.
NEWEST_MINOR = 37

_STREAM = Struct(splitStream=BOOL, infoBufferSize=QUANTITY)

#: component-base: sanitization went with 1.24, all but format came by then.
LOGGING = Struct(
    format=STRING,
    sanitization=Field(BOOL, until=23),
    flushFrequency=Field(QUANTITY, since=24),  # nanoseconds up to 1.28, a duration since
    verbosity=Field(INTEGER, since=24),
    vmodule=Field(ListOf(Struct(filePattern=STRING, verbosity=INTEGER)), since=24),
    options=Field(Struct(text=_STREAM, json=_STREAM), since=24),
)

KUBELET = Struct(
    enableServer=BOOL,
    staticPodPath=STRING,
    syncFrequency=DURATION,
    fileCheckFrequency=DURATION,
    httpCheckFrequency=DURATION,
    staticPodURL=STRING,
    staticPodURLHeader=MapOf(ListOf(STRING)),
    address=STRING,
    port=INTEGER,
    readOnlyPort=INTEGER,
    tlsCertFile=STRING,
    tlsPrivateKeyFile=STRING,
    tlsCipherSuites=ListOf(STRING),
    tlsMinVersion=STRING,
    rotateCertificates=BOOL,
    serverTLSBootstrap=BOOL,
    authentication=Struct(
        x509=Struct(
            clientCAFile=STRING,
        ),
        webhook=Struct(
            enabled=BOOL,
            cacheTTL=DURATION,
        ),
        anonymous=Struct(
            enabled=BOOL,
        ),
    ),
    authorization=Struct(
        mode=STRING,
        webhook=Struct(
            cacheAuthorizedTTL=DURATION,
            cacheUnauthorizedTTL=DURATION,
        ),
    ),
    registryPullQPS=INTEGER,
    registryBurst=INTEGER,
    eventRecordQPS=INTEGER,
    eventBurst=INTEGER,
    enableDebuggingHandlers=BOOL,
    enableContentionProfiling=BOOL,
    healthzPort=INTEGER,
    healthzBindAddress=STRING,
    oomScoreAdj=INTEGER,
    clusterDomain=STRING,
    clusterDNS=ListOf(STRING),
    streamingConnectionIdleTimeout=DURATION,
    nodeStatusUpdateFrequency=DURATION,
    nodeStatusReportFrequency=DURATION,
    nodeLeaseDurationSeconds=INTEGER,
    imageMinimumGCAge=DURATION,
    imageGCHighThresholdPercent=INTEGER,
    imageGCLowThresholdPercent=INTEGER,
    volumeStatsAggPeriod=DURATION,
    kubeletCgroups=STRING,
    systemCgroups=STRING,
    cgroupRoot=STRING,
    cgroupsPerQOS=BOOL,
    cgroupDriver=STRING,
    cpuManagerPolicy=STRING,
    cpuManagerReconcilePeriod=DURATION,
    topologyManagerPolicy=STRING,
    topologyManagerScope=STRING,
    qosReserved=MapOf(STRING),
    runtimeRequestTimeout=DURATION,
    hairpinMode=STRING,
    maxPods=INTEGER,
    podCIDR=STRING,
    podPidsLimit=INTEGER,
    resolvConf=STRING,
    runOnce=BOOL,
    cpuCFSQuota=BOOL,
    cpuCFSQuotaPeriod=DURATION,
    nodeStatusMaxImages=INTEGER,
    maxOpenFiles=INTEGER,
    contentType=STRING,
    kubeAPIQPS=INTEGER,
    kubeAPIBurst=INTEGER,
    serializeImagePulls=BOOL,
    evictionHard=MapOf(STRING),
    evictionSoft=MapOf(STRING),
    evictionSoftGracePeriod=MapOf(STRING),
    evictionPressureTransitionPeriod=DURATION,
    evictionMaxPodGracePeriod=INTEGER,
    evictionMinimumReclaim=MapOf(STRING),
    podsPerCore=INTEGER,
    enableControllerAttachDetach=BOOL,
    protectKernelDefaults=BOOL,
    makeIPTablesUtilChains=BOOL,
    iptablesMasqueradeBit=INTEGER,
    iptablesDropBit=INTEGER,
    featureGates=MapOf(BOOL),
    failSwapOn=BOOL,
    containerLogMaxSize=STRING,
    containerLogMaxFiles=INTEGER,
    configMapAndSecretChangeDetectionStrategy=STRING,
    systemReserved=MapOf(STRING),
    kubeReserved=MapOf(STRING),
    reservedSystemCPUs=STRING,
    showHiddenMetricsForVersion=STRING,
    systemReservedCgroup=STRING,
    kubeReservedCgroup=STRING,
    enforceNodeAllocatable=ListOf(STRING),
    allowedUnsafeSysctls=ListOf(STRING),
    volumePluginDir=STRING,
    providerID=STRING,
    kernelMemcgNotification=BOOL,
    logging=LOGGING,
    enableSystemLogHandler=BOOL,
    shutdownGracePeriod=DURATION,
    shutdownGracePeriodCriticalPods=DURATION,
    cpuManagerPolicyOptions=Field(MapOf(STRING), since=24),
    memoryManagerPolicy=Field(STRING, since=24),
    memorySwap=Field(
        Struct(
            swapBehavior=STRING,
        ),
        since=24,
    ),
    shutdownGracePeriodByPodPriority=Field(
        ListOf(
            Struct(
                priority=INTEGER,
                shutdownGracePeriodSeconds=INTEGER,
            )
        ),
        since=24,
    ),
    reservedMemory=Field(
        ListOf(
            Struct(
                numaNode=INTEGER,
                limits=MapOf(QUANTITY),
            )
        ),
        since=24,
    ),
    enableProfilingHandler=Field(BOOL, since=24),
    enableDebugFlagsHandler=Field(BOOL, since=24),
    seccompDefault=Field(BOOL, since=24),
    memoryThrottlingFactor=Field(NUMBER, since=24),
    registerWithTaints=Field(ListOf(TAINT), since=24),
    registerNode=Field(BOOL, since=24),
    tracing=Field(
        Struct(
            endpoint=STRING,
            samplingRatePerMillion=INTEGER,
        ),
        since=25,
    ),
    localStorageCapacityIsolation=Field(BOOL, since=25),
    topologyManagerPolicyOptions=Field(MapOf(STRING), since=26),
    maxParallelImagePulls=Field(INTEGER, since=27),
    enableSystemLogQuery=Field(BOOL, since=27),
    containerRuntimeEndpoint=Field(STRING, since=27),
    imageServiceEndpoint=Field(STRING, since=27),
    imageMaximumGCAge=Field(DURATION, since=29),
    podLogsDir=Field(STRING, since=30),
    containerLogMaxWorkers=Field(INTEGER, since=30),
    containerLogMonitorInterval=Field(DURATION, since=30),
    failCgroupV1=Field(BOOL, since=31),
    singleProcessOOMKill=Field(BOOL, since=32),
    crashLoopBackOff=Field(
        Struct(
            maxContainerRestartPeriod=DURATION,
        ),
        since=32,
    ),
    imagePullCredentialsVerificationPolicy=Field(STRING, since=33),
    preloadedImagesVerificationAllowlist=Field(ListOf(STRING), since=33),
    mergeDefaultEvictionSettings=Field(BOOL, since=33),
    userNamespaces=Field(
        Struct(
            idsPerPod=INTEGER,
        ),
        since=33,
    ),
    tlsCurvePreferences=Field(ListOf(INTEGER), since=36),
    memoryReservationPolicy=Field(STRING, since=36),
    defaultPodSysctls=Field(MapOf(STRING), since=37),
)

KUBE_PROXY = Struct(
    featureGates=MapOf(BOOL),
    bindAddress=STRING,
    healthzBindAddress=STRING,
    metricsBindAddress=STRING,
    bindAddressHardFail=BOOL,
    enableProfiling=BOOL,
    clusterCIDR=STRING,
    hostnameOverride=STRING,
    clientConnection=Struct(
        kubeconfig=STRING,
        acceptContentTypes=STRING,
        contentType=STRING,
        qps=NUMBER,
        burst=INTEGER,
    ),
    iptables=Struct(
        masqueradeBit=INTEGER,
        masqueradeAll=BOOL,
        syncPeriod=DURATION,
        minSyncPeriod=DURATION,
        localhostNodePorts=Field(BOOL, since=26),
    ),
    ipvs=Struct(
        syncPeriod=DURATION,
        minSyncPeriod=DURATION,
        scheduler=STRING,
        excludeCIDRs=ListOf(STRING),
        strictARP=BOOL,
        tcpTimeout=DURATION,
        tcpFinTimeout=DURATION,
        udpTimeout=DURATION,
    ),
    oomScoreAdj=INTEGER,
    mode=STRING,
    portRange=STRING,
    udpIdleTimeout=Field(DURATION, until=25),
    conntrack=Struct(
        maxPerCore=INTEGER,
        min=INTEGER,
        tcpEstablishedTimeout=DURATION,
        tcpCloseWaitTimeout=DURATION,
        tcpBeLiberal=Field(BOOL, since=29),
        udpTimeout=Field(DURATION, since=29),
        udpStreamTimeout=Field(DURATION, since=29),
    ),
    configSyncPeriod=DURATION,
    nodePortAddresses=ListOf(STRING),
    winkernel=Struct(
        networkName=STRING,
        sourceVip=STRING,
        enableDSR=BOOL,
        rootHnsEndpointName=Field(STRING, since=24),
        forwardHealthCheckVip=Field(BOOL, since=24),
    ),
    showHiddenMetricsForVersion=STRING,
    detectLocalMode=STRING,
    detectLocal=Field(
        Struct(
            bridgeInterface=STRING,
            interfaceNamePrefix=STRING,
        ),
        since=24,
    ),
    logging=Field(LOGGING, since=28),
    nftables=Field(
        Struct(
            masqueradeBit=INTEGER,
            masqueradeAll=BOOL,
            syncPeriod=DURATION,
            minSyncPeriod=DURATION,
        ),
        since=29,
    ),
    windowsRunAsService=Field(BOOL, since=31),
)


COMPONENTS: Dict[str, Struct] = {"KubeletConfiguration": KUBELET, "KubeProxyConfiguration": KUBE_PROXY}

#: The API group and version of each component's document.
COMPONENT_API = {
    "KubeletConfiguration": "kubelet.config.k8s.io/v1beta1",
    "KubeProxyConfiguration": "kubeproxy.config.k8s.io/v1alpha1",
}
