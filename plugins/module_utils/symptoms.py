# Copyright: (c) 2026, The baremetal.kubernetes authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lines of kubeadm, the kubelet, container runtimes, etcd and package managers mean. kubeadm waits minutes in silence for
a kubelet that has long said why it can't work; this table is what turns that line into a cause and a remedy."""

from __future__ import annotations

import re
from typing import List, NamedTuple, Pattern, Tuple

NAME_TAKEN = "a node of this name is in the cluster already"
PACKAGES_BUSY = "another package manager is at work on this host (often unattended-upgrades, or cloud-init after the first boot)"
SECRET = re.compile(r"\b(?:[a-z0-9]{6}\.[a-z0-9]{16}|[0-9a-f]{64})\b")


class Symptom(NamedTuple):
    """A line that is known.

    ``hopeless``: waiting can't mend it, and kubeadm's run is ended, so no line of a node that comes up may match. ``passing``: a
    node that is being made says it, too.
    """

    pattern: Pattern[str]
    cause: str
    remedy: str
    hopeless: bool
    passing: bool = False


class Finding(NamedTuple):
    """A known line that was seen, with the line as evidence."""

    cause: str
    remedy: str
    evidence: str
    hopeless: bool


def _symptom(pattern: str, cause: str, remedy: str, hopeless: bool = False, passing: bool = False) -> Symptom:
    return Symptom(re.compile(pattern, re.IGNORECASE), cause, remedy, hopeless, passing)


# Sources: the programs' own messages, as the lab's said them and as their code has them.
SYMPTOMS = (
    _symptom(
        r"running with swap on is not supported",
        "swap is on and the kubelet refuses to run with it",
        "set host_swap: 'off' (the default of role host), or failSwapOn: false in cluster_kubelet_settings",
        hopeless=True,
    ),
    _symptom(
        # From 1.31 on a kubelet that runs there says that cgroup v1 support is in maintenance mode: a warning.
        r"configured to not run on a host using cgroup v1",
        "this kubelet refuses cgroup v1",
        "boot the host with cgroup v2 (systemd.unified_cgroup_hierarchy=1), or set failCgroupV1: false in "
        "cluster_kubelet_settings and name SystemVerification in cluster_ignore_preflight_errors",
        hopeless=True,
    ),
    _symptom(
        r"Failed to admit pod.*ephemeral.?storage|Pod was rejected: Node didn't have enough resource: ephemeral-storage",
        "the kubelet refused a static pod for want of ephemeral storage and does not try again by itself",
        "free space on /var, or set the feature gate LocalStorageCapacityIsolation: false (from 1.25 the kubelet setting "
        "localStorageCapacityIsolation: false) in cluster_kubelet_settings where the accounting can't work, as in containers",
        hopeless=True,
    ),
    _symptom(
        r"misconfiguration: kubelet cgroup driver|expected cgroupsPath to be of format",
        "the kubelet and the container runtime use different cgroup drivers",
        "use systemd for both: leave cgroupDriver out of cluster_kubelet_settings; role container_runtime configures the runtime",
        hopeless=True,
    ),
    _symptom(
        r"unknown service runtime\.v1(alpha2)?\.RuntimeService|CRI v1 runtime API is not implemented",
        "the container runtime answers, but without CRI (docker's package of containerd switches it off)",
        "let role container_runtime write /etc/containerd/config.toml, without disabled_plugins = [\"cri\"]",
        hopeless=True,
    ),
    _symptom(
        # Before kubeadm has written the file, the kubelet dies of its absence again and again: that one is harmless.
        r"failed to (load|parse|decode) kubelet config(?!.*no such file)|unknown flag:|unrecognized feature gate",
        "the kubelet does not understand its configuration",
        "mend the setting that the line names in cluster_kubelet_settings; this Kubernetes version does not know it",
        hopeless=True,
    ),
    _symptom(
        r"(failed to pull image|ErrImagePull|ImagePullBackOff|Back-off pulling image)",
        "an image can't be pulled",
        "check cluster_image_repository, the node's way to it and container_runtime_registries; offline, use a bundle "
        "(cluster_packages_source: bundle) that has the image",
    ),
    _symptom(
        r"x509: certificate has expired or is not yet valid",
        "a certificate is outside its validity: most often a wrong clock on one node",
        "compare `date` on the nodes and mend time synchronisation; then run the play again",
    ),
    _symptom(
        r"secret \"kubeadm-certs\" was not found|error downloading the secret|cipher: message authentication failed",
        "the uploaded control-plane certificates are gone (they last two hours) or the key does not fit",
        "run the play again: it uploads them anew",
        hopeless=True,
    ),
    _symptom(
        r"a Node with name .* and status .?\"?Ready.* already exists",
        NAME_TAKEN,
        "give this host another node_name, or remove the old node first",
        hopeless=True,
    ),
    _symptom(
        r"could not find a JWS signature in the cluster-info ConfigMap|token id .* is invalid for this cluster or it has expired",
        "the join token is unknown to the cluster or has expired",
        "run the play again: it makes a new one",
    ),
    _symptom(
        r"cluster CA found in cluster-info ConfigMap is invalid|none of the public keys .* are pinned",
        "the API at the endpoint belongs to another cluster than the one that is joined",
        "check cluster_endpoint: who answers there? (openssl s_client -connect ENDPOINT)",
        hopeless=True,
    ),
    _symptom(
        r"etcdserver: (request timed out|no leader)|etcd cluster is not healthy|can only promote a learner member which is in sync",
        "etcd has no quorum or is too slow to answer",
        "look at `etcdctl endpoint status --cluster` on a working control plane; a member that never started stalls it",
    ),
    _symptom(
        r"no space left on device",
        "a disk is full",
        "free space on the file system that the line names",
        hopeless=True,
    ),
    _symptom(
        r"too many open files|inotify_init.*too many",
        "the host's limits for open files or inotify instances are too low",
        "raise them (role host sets fs.inotify.* and the runtime's LimitNOFILE)",
    ),
    # --- what is wrong with the file that kubeadm is given
    _symptom(
        r"experimental API spec: .* is not allowed",
        "the kubeadm file has an API that this kubeadm only experiments with (v1beta4 before 1.31)",
        "leave the API to this collection: remove api_version, or write the one that cluster_kubernetes_version has",
        hopeless=True,
    ),
    _symptom(
        r"your configuration file uses an old API spec|no kind .* is registered for version .?\"?kubeadm\.k8s\.io",
        "this kubeadm no longer reads the API of the kubeadm file (v1beta2 ended with 1.26, v1beta3 with 1.36)",
        "leave the API to this collection: remove api_version, or write the one that cluster_kubernetes_version has",
        hopeless=True,
    ),
    _symptom(
        r"cannot unmarshal (object|array) into Go struct field .*extraArgs",
        "the arguments in the kubeadm file have the form of another API: v1beta4 takes a list of {name, value}, older ones a map",
        "write them in cluster_api_server_args and its like, which are put into the form that the version takes",
        hopeless=True,
    ),
    _symptom(
        r"KubeProxyConfiguration\.(Proxy)?Mode: (Invalid|Unsupported) value",
        "kube-proxy has no such mode",
        "write iptables, nftables or ipvs in cluster_proxy_mode, or disabled for none at all",
        hopeless=True,
    ),
    # --- what kubeadm's preflight finds on the node
    _symptom(
        r"bridge-nf-call-ip6?tables does not exist|ip_forward contents are not set to 1",
        "the kernel does not forward packets, or br_netfilter is not loaded",
        "let role host set both (it loads host_kernel_modules and writes its sysctls); by hand: modprobe br_netfilter, "
        "sysctl net.ipv4.ip_forward=1",
    ),
    _symptom(
        r"\[ERROR (Dir|File)Available-",
        "there are remains of an earlier cluster",
        "look what they are; if nothing there is needed, run playbook reset for this host",
    ),
    _symptom(
        r"\[ERROR Port-|bind: address already in use",
        "another program listens on a port that Kubernetes needs",
        "find it by `ss -ltnp` and stop it",
    ),
    _symptom(
        r"\[ERROR CRI\]|container runtime is not running|dial unix \S*(containerd|crio|cri-dockerd)\.sock: connect",
        "the container runtime does not answer",
        "read `journalctl -u containerd` (or crio, docker, cri-docker) on the node",
    ),
    _symptom(
        r"dial unix \S*dockershim\.sock",
        "the kubelet looks for dockershim, which left Kubernetes in 1.24",
        "write cluster_container_runtime: docker, which brings cri-dockerd, or containerd; playbook container_runtime changes a "
        "living node",
    ),
    _symptom(
        r"\[ERROR KubeletVersion\]|kubelet version is higher than the control plane version",
        "the installed kubelet is newer than the control plane that is wanted: packages were upgraded on their own",
        "write its version in cluster_kubernetes_version, or remove the package: role packages installs and pins the right one",
        hopeless=True,
    ),
    # --- the way to the cluster
    _symptom(
        r"(cluster-info|identity of the API Server).*"
        r"(connection refused|no route to host|i/o timeout|deadline exceeded|Client\.Timeout)",
        "nobody answers at cluster_endpoint: no node holds the virtual address, or no API server runs behind it",
        "see who has the address (`ip address` on the control planes), and whether a firewall is between; playbook diagnose says "
        "more",
    ),
    _symptom(
        r"no such host|server misbehaving|Temporary failure (in name resolution|resolving)|Could not resolve|"
        r"Name or service not known",
        "a name can't be resolved: the DNS that this host asks does not answer, or does not know it",
        "look at /etc/resolv.conf and `resolvectl status` on the host; a name of your own needs an entry in /etc/hosts",
    ),
    _symptom(
        r"Network is unreachable",
        "the host has no route there",
        "look at `ip route` on the host: is there a default route, and for IPv6 as well?",
    ),
    _symptom(
        r"node .* is not allowed to modify node|Node password rejected",
        "this host is known to the cluster under another name, or another host has its name",
        "give each host a node_name of its own; a node that was made anew under an old name is removed first (playbook remove)",
        hopeless=True,
    ),
    _symptom(
        r"(CA hash does not match|failed to get CA certs|token is not valid)",
        "the server at which RKE2 joins can't be reached, is another cluster's, or has another token",
        "see that rke2-server runs where server: of /etc/rancher/rke2/config.yaml leads to (the first server comes before the "
        "virtual address), and that rke2_token is the cluster's",
    ),
    # --- images and runtimes
    _symptom(
        r"server gave HTTP response to HTTPS client",
        "a registry speaks plain HTTP, and the container runtime asks it by HTTPS",
        "name it in container_runtime_registries with a mirror whose url begins with http://",
    ),
    _symptom(
        r"certificate signed by unknown authority",
        "a server's certificate is of an authority that this host does not know",
        "of a registry: give its CA in container_runtime_registries; of an API server: is this the right cluster's kubeconfig?",
    ),
    _symptom(
        r"manifest unknown|toomanyrequests|pull access denied|failed to authorize",
        "the registry refuses the image: it does not have it under this name, or wants a login",
        "compare the name with what cluster_image_repository has (CoreDNS lies at REPOSITORY/coredns); logins go into "
        "container_runtime_registries",
    ),
    _symptom(
        r"directives don't match any configuration option|overlay2: unknown option|unable to configure the Docker daemon",
        "Docker does not start: its daemon.json has an option that this release does not know",
        "remove it from /etc/docker/daemon.json (overlay2.override_kernel_check went with 24.0); options of yours belong into "
        "container_runtime_docker_settings, where they are checked",
    ),
    _symptom(
        r"failed to load TOML|toml: |cannot be set when `?\"?config_path",
        "the container runtime can't read its configuration",
        "mend the line that is named; lines of your own come from container_runtime_config_extra",
    ),
    _symptom(
        r"overlay.*(not supported as upperdir|does not support|is not supported|failed to mount.*invalid argument)",
        "the file system below the container runtime can't carry overlayfs (ZFS before 2.2, XFS without ftype)",
        "let role zfs bring the snapshotter for its version (a pool with use containers), or give the runtime a disk with ext4",
    ),
    _symptom(
        r"failed to set ?up (pod|network for sandbox)|networkPlugin cni failed to set up pod",
        "a pod's sandbox was made, and the pod network (CNI) failed in it: its program or its agent on this node does not work",
        "look at the pods of the pod network on this node, at /etc/cni/net.d and /opt/cni/bin; the plugin's own log says why",
    ),
    _symptom(
        r"cni (config|plugin) (uninitialized|not initialized)|NetworkPluginNotReady",
        "the node has no pod network yet",
        "run the playbook that builds the cluster to its end: role cni brings it; with cluster_cni: none it is yours to bring",
        passing=True,
    ),
    _symptom(
        r"can't use the IPVS proxier|IPVS proxier will not be used",
        "kube-proxy can't have IPVS here: the kernel lacks ip_vs, or the module of its scheduler",
        "see that `modprobe ip_vs_rr` works (package linux-modules-extra or kernel-modules-extra), or write cluster_proxy_mode: "
        "nftables",
    ),
    # --- etcd
    _symptom(
        r"cluster ID mismatch|has already been bootstrapped",
        "this member of etcd was begun as a cluster of its own, as by `kubeadm init phase etcd local` on a second host, or lost "
        "its data",
        "nothing by hand: stacked, run playbook replace with this host's name; external, run playbook external_etcd",
    ),
    _symptom(
        r"member has been permanently removed from the cluster",
        "this member of etcd was removed while it was away",
        "run playbook replace with this host's name: it comes back with new data",
    ),
    _symptom(
        r"unmatched member while checking PeerURLs|member count is unequal",
        "etcd was told of other members than the cluster has",
        "list them by `etcdctl member list` on a member that runs; the playbook begins the member anew with what is true",
    ),
    _symptom(
        r"database space exceeded|alarm:NOSPACE",
        "etcd's database is full, and it takes no more writes",
        "compact and defragment it, then `etcdctl alarm disarm`; a larger quota-backend-bytes goes into cluster_etcd_args",
    ),
    _symptom(
        r"(wal|snap): (crc mismatch|file not found)|found data inconsistency|failed to recover v3 backend|"
        r"snapshot file doesn't exist",
        "the data of this member of etcd are damaged",
        "run playbook replace with this host's name; where no other member is whole, playbook restore",
    ),
    _symptom(
        r"slow fdatasync|apply request took too long|leader failed to send out heartbeat on time",
        "etcd's disk (or the processor) is too slow for it",
        "give etcd a disk of its own, an NVMe with power-loss protection; hardware and neighbours on the disk come first",
        passing=True,
    ),
    _symptom(
        r"flag provided but not defined: ",
        "the program was given an argument that this version does not know",
        "remove the argument that the line names from cluster_etcd_args (or from the settings of the program that says it)",
    ),
    _symptom(
        r"unknown command \"restore\" for \"etcdctl",
        "etcdctl has no restore from 3.6 on",
        "use etcdutl, or playbook restore, which takes the right one",
    ),
    # --- load balancing
    _symptom(
        r"Truncating auth_pass to 8 characters",
        "VRRP's password has 8 characters, and the rest of it is ignored",
        "write keepalived_authentication: hmac; such a password travels in clear text anyway",
    ),
    _symptom(
        r"bogus VRRP packet|received an invalid passwd|not present in MASTER advert",
        "another VRRP group in this segment uses the same router id",
        "write another keepalived_router_id on all hosts of one of the two groups",
    ),
    # --- pods that can't be placed
    _symptom(
        r"didn't match pod topology spread constraints|didn't match pod anti-affinity rules",
        "a rule spreads pods over more machines than there are, so they wait for ever",
        "write whenUnsatisfiable: ScheduleAnyway (or a preferred anti-affinity) while the cluster is small, or add nodes",
    ),
    _symptom(
        r"had (untolerated )?taint \{node-role\.kubernetes\.io/(control-plane|master)",
        "pods wait because the only nodes are control planes, which take none",
        "write cluster_control_plane_schedulable: true, or add a worker",
    ),
    # --- package managers and disks
    _symptom(
        r"Could not get lock /var/lib/(dpkg|apt)|Unable to acquire the dpkg frontend lock|Failed to obtain the transaction lock|"
        r"Waiting for process with pid \d+ to finish|waiting for cache lock|Failed to lock apt for exclusive operation",
        PACKAGES_BUSY,
        "wait until it has ended (the line names its process; `ps -fp PID` shows it), then run again; never delete the lock",
    ),
    _symptom(
        r"dpkg was interrupted",
        "an installation on this host was cut off before its end",
        "run `dpkg --configure -a` on the host, then run again",
    ),
    _symptom(
        r"packages\.cloud\.google\.com|apt\.kubernetes\.io",
        "the host asks Google's package repository of Kubernetes, which was shut down in March 2024",
        "remove its file from /etc/apt/sources.list.d or /etc/yum.repos.d; role packages writes the one of pkgs.k8s.io",
    ),
    _symptom(
        r"NO_PUBKEY|EXPKEYSIG|GPG check FAILED|is not signed\.",
        "the package repository's signature can't be checked: its key is missing or has expired",
        "correct packages_repository_key; of another repository, fetch its new key",
    ),
    _symptom(
        # Not of what the kernel shows, which a container never may write.
        r"^(?!.*/(proc|sys)/).*read-only file system",
        "a file system has become read-only, as it does when its disk fails",
        "look at `dmesg` on the host; mend or exchange the disk first",
    ),
    _symptom(
        r"DiskPressure|low on resource: ephemeral-storage|must evict pod\(s\) to reclaim ephemeral-storage",
        "the node's disk is nearly full, and the kubelet throws pods out",
        "free space on /var (images, logs), or mount a larger file system",
    ),
    _symptom(
        r"Disk quota exceeded",
        "a quota of the file system is used up",
        "raise it, or free space on the file system that the line names",
    ),
)


def redact(text: str) -> str:
    """The text without bootstrap tokens, certificate keys and CA hashes."""
    return SECRET.sub("********", text)


def find_symptoms(text: str, standing: bool = False) -> List[Finding]:
    """Each known cause at most once, with the last line that shows it. ``standing``: the node is no more being made."""
    lines = text.splitlines()
    findings = []
    for symptom in SYMPTOMS:
        if symptom.passing and not standing:
            continue
        for line in reversed(lines):
            if symptom.pattern.search(line):
                findings.append(Finding(symptom.cause, symptom.remedy, redact(line.strip())[:500], symptom.hopeless))
                break
    return findings


def told(problem: str, lines: str, otherwise: str = "mend what these lines name and run the play again") -> Tuple[str, str]:
    """A problem with what a program's last lines mean, where somebody knows, and the lines; and what to do."""
    found = find_symptoms(lines)
    cause = ": %s" % "; ".join(one.cause for one in found) if found else ""
    shown = "%s%s\nIts last lines:\n%s" % (problem, cause, redact(lines.strip()) or "(none)")
    return shown, "; ".join(one.remedy for one in found) or otherwise


def preflight_errors(output: str) -> List[str]:
    """The [ERROR X] lines of kubeadm's preflight."""
    return [line.strip() for line in output.splitlines() if line.strip().startswith("[ERROR ")]
