#!/usr/bin/env bash
# Stacked control planes and workers by hand, over SSH, one node after another, as kubeadm's guide has it: what bench.py measures the
# playbook stacked_ha against. Every node ends up as the roles leave it; nothing here waits longer than it must, so that the
# comparison is fair. Prints "phase NAME SECONDS" for each phase; what the nodes say goes to standard error.
set -euo pipefail
export LC_ALL=C

usage() {
  cat >&2 <<'TEXT'
plain.sh -i KEY -n KNOWN_HOSTS -v VIP -k KUBECONFIG -c NAME=ADDRESS... [-w NAME=ADDRESS...]
  -i  private key that the nodes accept for root     -n  known_hosts file with the nodes' host keys
  -v  address that keepalived is to hold             -k  where to put the kubeconfig on this machine
  -c  a control plane, once for each, the first one is initialised     -w  a worker, once for each
The nodes are blank, have containerd, HAProxy and keepalived installed, and a bundle in /opt/kubernetes-bundle.
TEXT
  exit 2
}

declare -A address=()
control_planes=() workers=() key='' known_hosts='' vip='' kubeconfig=''
while getopts i:n:v:k:c:w: option; do
  case $option in
    i) key=$OPTARG ;;
    n) known_hosts=$OPTARG ;;
    v) vip=$OPTARG ;;
    k) kubeconfig=$OPTARG ;;
    c | w)
      [[ $OPTARG == *=* ]] || usage
      address[${OPTARG%%=*}]=${OPTARG#*=}
      if [ "$option" = c ]; then control_planes+=("${OPTARG%%=*}"); else workers+=("${OPTARG%%=*}"); fi
      ;;
    *) usage ;;
  esac
done
if [ -z "$key" ] || [ -z "$known_hosts" ] || [ -z "$vip" ] || [ -z "$kubeconfig" ] || [ "${#control_planes[@]}" = 0 ]; then usage; fi
nodes=("${control_planes[@]}" "${workers[@]}")
first=${control_planes[0]}

# The lab's cluster, as inventories/lab/stacked_ha and the roles' defaults describe it.
bundle=/opt/kubernetes-bundle
api_port=6443
load_balancer_port=8443
pod_subnet=10.244.0.0/16
service_subnet=10.96.0.0/16
router_id=${vip%.*} router_id=${router_id##*.} # the network's number, unique on the machine

# --- Over SSH ---------------------------------------------------------------------------------------------------------------------

control=$(mktemp -d)
ssh_options=(-i "$key" -o UserKnownHostsFile="$known_hosts" -o StrictHostKeyChecking=yes -o BatchMode=yes -o LogLevel=ERROR
  -o ControlMaster=auto -o ControlPath="$control/%h" -o ControlPersist=300)
hang_up() {
  local node
  for node in "${nodes[@]}"; do ssh "${ssh_options[@]}" -O exit "root@${address[$node]}" 2>/dev/null || true; done
  rm -rf "$control"
}
trap hang_up EXIT

# on NODE [ARGUMENT...]: runs standard input as a script on the node, with these arguments
on() {
  local node=$1
  shift
  # shellcheck disable=SC2029 # the arguments are this side's; the script is read whole first, so that no command eats the rest of it
  ssh "${ssh_options[@]}" "root@${address[$node]}" "bash --norc -euo pipefail -c \"\$(cat)\" plain $(printf '%q ' "$@")"
}

# phase NAME COMMAND [ARGUMENT...]: runs the command and prints how long it took
phase() {
  local name=$1 start=${EPOCHREALTIME/./} took
  shift
  "$@" >&2
  took=$(((${EPOCHREALTIME/./} - start) / 1000))
  printf 'phase %s %d.%03d\n' "$name" $((took / 1000)) $((took % 1000))
}

# each COMMAND NODE...: the command for one node after another
each() {
  local command=$1 node
  shift
  for node; do "$command" "$node"; done
}

# --- Every node -------------------------------------------------------------------------------------------------------------------

prepare_host() {
  local node entries=''
  for node in "${nodes[@]}"; do entries+="${address[$node]} $node"$'\n'; done
  on "$1" "$entries" <<'NODE'
printf '%s' "$1" >> /etc/hosts
printf '%s\n' overlay br_netfilter > /etc/modules-load.d/kubernetes.conf
modprobe overlay
modprobe br_netfilter
cat > /etc/sysctl.d/90-kubernetes.conf <<'FILE'
fs.inotify.max_user_instances = 8192
fs.inotify.max_user_watches = 1048576
kernel.keys.root_maxbytes = 25000000
kernel.keys.root_maxkeys = 1000000
kernel.panic = 10
kernel.panic_on_oops = 1
net.bridge.bridge-nf-call-ip6tables = 1
net.bridge.bridge-nf-call-iptables = 1
net.ipv4.ip_forward = 1
vm.overcommit_memory = 1
vm.panic_on_oom = 0
FILE
sysctl --quiet --load=/etc/sysctl.d/90-kubernetes.conf
NODE
}

configure_containerd() {
  on "$1" <<'NODE'
mkdir -p /etc/containerd
cat > /etc/containerd/config.toml <<'FILE'
version = 2

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "k8s.gcr.io/pause:3.2"
  restrict_oom_score_adj = true

  [plugins."io.containerd.grpc.v1.cri".containerd]
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/opt/cni/bin"
    conf_dir = "/etc/cni/net.d"

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
FILE
cat > /etc/crictl.yaml <<'FILE'
runtime-endpoint: unix:///run/containerd/containerd.sock
image-endpoint: unix:///run/containerd/containerd.sock
timeout: 10
debug: false
FILE
systemctl enable --quiet containerd
systemctl restart containerd
NODE
}

install_programs() {
  on "$1" "$bundle" <<'NODE'
cd "$1"
python3 -c '
import json
bundle = json.load(open("bundle.json"))
for folder, programs in (("bin", bundle["binaries"]), ("cni", bundle["cni"])):
    for program, digest in programs.items():
        print(digest, f"{folder}/{program}", sep="  ")' | sha256sum --check --quiet
mkdir -p /opt/cni/bin
install --mode=0755 --target-directory=/usr/local/bin bin/*
install --mode=0755 --target-directory=/opt/cni/bin cni/*
NODE
}

configure_kubelet() {
  on "$1" <<'NODE'
cat > /etc/systemd/system/kubelet.service <<'FILE'
[Unit]
Description=kubelet: The Kubernetes Node Agent
Documentation=https://kubernetes.io/docs/
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/local/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
FILE
mkdir -p /etc/systemd/system/kubelet.service.d
cat > /etc/systemd/system/kubelet.service.d/10-kubeadm.conf <<'FILE'
[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/local/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
FILE
systemctl daemon-reload
systemctl enable --quiet kubelet
NODE
}

import_images() {
  local node=$1 role=worker
  [[ " ${control_planes[*]} " != *" $node "* ]] || role=control_plane
  on "$node" "$bundle" "$role" <<'NODE'
cd "$1"
python3 -c '
import json, sys
for image in json.load(open("bundle.json"))["images"]:
    if sys.argv[1] in image["roles"]:
        print(image["sha256"], image["archive"], sep="  ")' "$2" > /run/images.sha256
sha256sum --check --quiet /run/images.sha256
while read -r _ archive; do ctr --namespace k8s.io images import "$archive"; done < /run/images.sha256
rm /run/images.sha256
NODE
}

# --- The endpoint of the API ------------------------------------------------------------------------------------------------------

make_authority() {
  on "$first" "${address[$first]}" "$api_port" "$vip:$load_balancer_port" "$pod_subnet" "$service_subnet" "$bundle" <<'NODE'
version=$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["kubernetes_version"])' "$6/bundle.json")
mkdir -p /etc/kubernetes
umask 077
cat > /etc/kubernetes/kubeadm-init.yaml <<FILE
apiVersion: kubeadm.k8s.io/v1beta2
kind: InitConfiguration
certificateKey: $(kubeadm certs certificate-key)
localAPIEndpoint:
  advertiseAddress: $1
  bindPort: $2
nodeRegistration:
  criSocket: unix:///run/containerd/containerd.sock
---
apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
clusterName: stacked-ha
kubernetesVersion: v$version
controlPlaneEndpoint: $3
networking:
  podSubnet: $4
  serviceSubnet: $5
apiServer:
  extraArgs:
    watch-cache-sizes: services#0
scheduler:
  extraArgs:
    feature-gates: LocalStorageCapacityIsolation=false
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: systemd
failSwapOn: false
featureGates:
  LocalStorageCapacityIsolation: false
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
conntrack:
  maxPerCore: 0
  min: 0
FILE
kubeadm init phase certs ca --config /etc/kubernetes/kubeadm-init.yaml
NODE
  authority=$(on "$first" <<< 'cat /etc/kubernetes/pki/ca.crt')
}

configure_haproxy() {
  local node servers=''
  for node in "${control_planes[@]}"; do servers+="    server $node ${address[$node]}:$api_port"$'\n'; done
  on "$1" "$authority" "$load_balancer_port" "$servers" <<'NODE'
printf '%s\n' "$1" > /etc/haproxy/kubernetes-ca.crt
cat > /etc/haproxy/haproxy.cfg <<FILE
global
    log stdout format raw local0 notice
    user haproxy
    group haproxy
    chroot /var/lib/haproxy
    maxconn 4000
    stats socket /var/lib/haproxy/admin.sock mode 600 level admin expose-fd listeners
    hard-stop-after 1h

defaults
    mode tcp
    log global
    option dontlognull
    option redispatch
    option clitcpka
    option srvtcpka
    retries 2
    timeout connect 5s
    timeout client 4h
    timeout server 4h
    timeout tunnel 4h
    timeout check 3s

frontend kubernetes-api
    bind *:$2
    default_backend kube-apiservers

backend kube-apiservers
    balance leastconn
    option log-health-checks
    option httpchk
    http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host kubernetes
    http-check expect status 200
    default-server inter 2s fall 2 rise 2 check check-ssl check-sni kubernetes verify required verifyhost kubernetes ca-file /etc/haproxy/kubernetes-ca.crt on-marked-down shutdown-sessions
$3
FILE
haproxy -c -q -f /etc/haproxy/haproxy.cfg
systemctl enable --quiet haproxy
systemctl restart haproxy
NODE
}

configure_keepalived() {
  local node peers='' position=0 own=0
  for node in "${control_planes[@]}"; do
    if [ "$node" = "$1" ]; then own=$position; else peers+="        ${address[$node]}"$'\n'; fi
    position=$((position + 1))
  done
  on "$1" "${address[$1]}" "$vip" "$router_id" $((150 - own)) -${#control_planes[@]} "$peers" "$load_balancer_port" <<'NODE'
interface=$(ip -o -4 address show to "$1" | awk '{ print $2 }')
cat > /etc/keepalived/check-apiserver.sh <<FILE
#!/bin/sh
exec curl --silent --show-error --fail --output /dev/null --noproxy '*' --max-time 3 \\
  --cacert /etc/kubernetes/pki/ca.crt --resolve kubernetes:$7:127.0.0.1 https://kubernetes:$7/readyz
FILE
chmod 0700 /etc/keepalived/check-apiserver.sh
cat > /etc/keepalived/keepalived.conf <<FILE
global_defs {
    router_id $(hostname)
    enable_script_security
    script_user root
    vrrp_version 3
    vrrp_garp_master_refresh 60
}

vrrp_script apiserver {
    script "/etc/keepalived/check-apiserver.sh"
    interval 2
    timeout 5
    weight $5
    fall 2
    rise 2
    init_fail
}

vrrp_instance kubernetes {
    state BACKUP
    interface $interface
    virtual_router_id $3
    priority $4
    advert_int 1
    unicast_src_ip $1
    unicast_peer {
$6
    }
    virtual_ipaddress {
        $2/32 dev $interface
    }
    track_script {
        apiserver
    }
}
FILE
chmod 0600 /etc/keepalived/keepalived.conf
keepalived --config-test
systemctl enable --quiet keepalived
systemctl restart keepalived
NODE
}

# --- The cluster ------------------------------------------------------------------------------------------------------------------

initialise() {
  on "$first" <<'NODE'
kubeadm init --config /etc/kubernetes/kubeadm-init.yaml --upload-certs
NODE
  join=$(on "$first" <<< 'kubeadm token create --print-join-command')
  certificate_key=$(on "$first" <<< "awk '/^certificateKey:/ { print \$2 }' /etc/kubernetes/kubeadm-init.yaml")
}

join_control_plane() {
  on "$1" <<< "$join --control-plane --certificate-key $certificate_key --apiserver-advertise-address ${address[$1]}"
}

join_worker() {
  on "$1" <<< "$join"
}

# Bridges on the nodes and routes between them, which stay after a boot.
build_pod_network() {
  local node other subnet subnets routes
  subnets=$(on "$first" <<'NODE'
kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes --output 'jsonpath={range .items[*]}{.metadata.name} {.spec.podCIDR}{"\n"}{end}'
NODE
  )
  declare -A subnet_of=()
  while read -r node subnet; do subnet_of[$node]=$subnet; done <<< "$subnets"
  for node in "${nodes[@]}"; do
    routes=''
    for other in "${nodes[@]}"; do
      [ "$other" = "$node" ] || routes+="ip route replace ${subnet_of[$other]} via ${address[$other]}"$'\n'
    done
    on "$node" "${subnet_of[$node]}" "$routes" "$pod_subnet" <<'NODE'
mkdir -p /etc/cni/net.d
cat > /etc/cni/net.d/10-pods.conflist <<FILE
{
  "cniVersion": "0.3.1",
  "name": "pods",
  "plugins": [
    {"type": "bridge", "bridge": "cni0", "isDefaultGateway": true, "hairpinMode": true, "ipam": {"type": "host-local", "ranges": [[{"subnet": "$1"}]]}},
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
FILE
cat > /usr/local/sbin/kubernetes-pod-network <<FILE
#!/bin/sh
set -eu
$2
allow() { iptables -w "\$@" 2>/dev/null; }
for way in -s -d; do
  allow -C FORWARD \$way $3 -j ACCEPT || allow -I FORWARD \$way $3 -j ACCEPT
done
allow -t nat -C POSTROUTING -s $3 ! -d $3 -j MASQUERADE || allow -t nat -I POSTROUTING -s $3 ! -d $3 -j MASQUERADE
FILE
chmod 0755 /usr/local/sbin/kubernetes-pod-network
cat > /etc/systemd/system/kubernetes-pod-network.service <<'FILE'
[Unit]
Description=Routes to the pods of the other Kubernetes nodes
Wants=network-online.target
After=network-online.target
Before=kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/kubernetes-pod-network

[Install]
WantedBy=multi-user.target
FILE
systemctl daemon-reload
systemctl enable --quiet --now kubernetes-pod-network
NODE
  done
}

# As long as the playbook's verify waits, too: nodes and the system's pods, DNS among them.
wait_until_ready() {
  on "$first" <<'NODE'
export KUBECONFIG=/etc/kubernetes/admin.conf
kubectl wait --for=condition=Ready node --all --timeout=300s
kubectl --namespace kube-system wait --for=condition=Ready pod --all --timeout=300s
NODE
}

fetch_kubeconfig() {
  (umask 077 && on "$first" <<< 'cat /etc/kubernetes/admin.conf' > "$kubeconfig")
}

# --- One after another ------------------------------------------------------------------------------------------------------------

everything() {
  local node
  phase host each prepare_host "${nodes[@]}"
  phase containerd each configure_containerd "${nodes[@]}"
  phase programs each install_programs "${nodes[@]}"
  phase kubelet each configure_kubelet "${nodes[@]}"
  phase images each import_images "${nodes[@]}"
  phase authority make_authority
  phase haproxy each configure_haproxy "${control_planes[@]}"
  phase keepalived each configure_keepalived "${control_planes[@]}"
  phase init initialise
  for node in "${control_planes[@]:1}"; do phase "join-$node" join_control_plane "$node"; done
  for node in "${workers[@]}"; do phase "join-$node" join_worker "$node"; done
  phase pod-network build_pod_network
  phase ready wait_until_ready
  phase kubeconfig fetch_kubeconfig
}

begin=${EPOCHREALTIME/./}
everything
total=$(((${EPOCHREALTIME/./} - begin) / 1000))
printf 'phase total %d.%03d\n' $((total / 1000)) $((total % 1000))
