# shellcheck shell=bash
# The cluster's own processes: their certificates and configuration, start and stop.

names="containerd etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy"

# client NAME USER [GROUP]: a certificate and the kubeconfig that uses it.
client() {
  local name=$1 file=$state/$1.kubeconfig k
  k=("$bin/kubelite" kubectl config --kubeconfig "$file")
  cert "$name" "${3:+/O=$3}/CN=$2"
  "${k[@]}" set-cluster dev --server "https://$node_ip:6443" --certificate-authority "$pki/ca.crt" --embed-certs
  "${k[@]}" set-credentials "$name" --client-certificate "$pki/$name.crt" --client-key "$pki/$name.key" --embed-certs
  "${k[@]}" set-context dev --cluster dev --user "$name"
  "${k[@]}" use-context dev
  chmod 600 "$file"
}

pki_make() {
  [[ -s $pki/done ]] || step pki "making keys and certificates" pki_all
}

pki_all() {
  mkdir -p "$pki"
  authority ca
  authority front-proxy-ca
  openssl ecparam -name prime256v1 -genkey -noout -out "$pki/service-accounts.key"
  cert apiserver /CN=kube-apiserver "DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:127.0.0.1,IP:$node_ip,IP:${services%.*.*}.0.1"
  cert apiserver-kubelet /O=system:masters/CN=kube-apiserver-kubelet-client
  cert front-proxy /CN=front-proxy-client "" front-proxy-ca
  cert kubelet-server "/CN=$node" "DNS:$node,IP:$node_ip"
  kserve_certificate
  client admin admin system:masters
  client controller-manager system:kube-controller-manager
  client scheduler system:kube-scheduler
  client kubelet "system:node:$node" system:nodes
  client kube-proxy system:kube-proxy
  date >"$pki/done"
}

alive() {  # alive NAME: the recorded process is still that very process
  local pid begun
  [[ -s $run/pids/$1 ]] || return 1
  read -r pid begun <"$run/pids/$1"
  [[ -n $begun && $(begun_at "$pid") = "$begun" ]]
}

# A process that has ended may stay listed as a zombie (state Z) for a while.
begun_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" {print $20}'; }

# A daemon must not hold what its caller had open: a lock, the end of a pipe.
drop_inherited() {
  local fd
  for fd in /proc/"$BASHPID"/fd/*; do
    fd=${fd##*/}
    ((fd < 3)) || eval "exec $fd>&-"
  done
}

# begin NAME COMMAND...: starts a process in the cluster's network namespace.
begin() {
  local name=$1; shift
  alive "$name" && return
  mkdir -p "$run/logs"
  ln -sfn "$(readlink -f "$logs")/$name.log" "$run/logs/$name.log"
  ( drop_inherited; exec setsid nsenter --net=/run/netns/$netns "$@" >>"$logs/$name.log" 2>&1 </dev/null ) &
  echo "$! $(begun_at $!)" >"$run/pids/$name"
}

# end NAME: asks, waits, and only then insists.
end() {
  local name=$1 pid
  if alive "$name"; then
    read -r pid _ <"$run/pids/$name"
    kill "$pid" || true
    for _ in {1..100}; do alive "$name" || break; sleep 0.1; done
    if alive "$name"; then kill -9 "$pid"; sleep 0.2; fi
  fi
  rm -f "$run/pids/$name"
}

# wait_for NAME TEXT COMMAND...: until the command succeeds, at most 120 s.
wait_for() {
  local name=$1 text=$2 until=$((SECONDS + 120)); shift 2
  say "waiting for $text"
  until "$@" >/dev/null 2>&1; do
    alive "$name" || { tail -n 5 "$run/logs/$name.log" >&2; die "$name ended (read $(processes_log "$name"))"; }
    ((SECONDS < until)) || die "$text took too long (read $(processes_log "$name"))"
    sleep 0.3
  done
}

processes_log() { readlink -f "$run/logs/$1.log" 2>/dev/null || echo "$logs/$1.log"; }

processes_up() {
  step sysctl "keeping this machine's settings" settings_save
  configure
  begin containerd containerd --config "$state/containerd.toml"
  begin etcd "$bin/kubelite" etcd --name dev --data-dir "$state/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster dev=http://127.0.0.1:2380
  begin kube-apiserver "$bin/kubelite" kube-apiserver --etcd-servers http://127.0.0.1:2379 \
    --advertise-address "$node_ip" --bind-address "$node_ip" --secure-port 6443 \
    --service-cluster-ip-range "$services" --allow-privileged \
    --authorization-mode Node,RBAC --enable-admission-plugins NodeRestriction \
    --client-ca-file "$pki/ca.crt" --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" \
    --kubelet-certificate-authority "$pki/ca.crt" \
    --kubelet-client-certificate "$pki/apiserver-kubelet.crt" --kubelet-client-key "$pki/apiserver-kubelet.key" \
    --kubelet-preferred-address-types InternalIP \
    --service-account-issuer https://kubernetes.default.svc.cluster.local \
    --service-account-key-file "$pki/service-accounts.key" --service-account-signing-key-file "$pki/service-accounts.key" \
    --requestheader-client-ca-file "$pki/front-proxy-ca.crt" --requestheader-allowed-names front-proxy-client \
    --requestheader-extra-headers-prefix X-Remote-Extra- --requestheader-group-headers X-Remote-Group \
    --requestheader-username-headers X-Remote-User \
    --proxy-client-cert-file "$pki/front-proxy.crt" --proxy-client-key-file "$pki/front-proxy.key" \
    --audit-policy-file "$state/audit.yaml" --audit-log-path "$audit_log" --audit-log-maxsize 50 --audit-log-maxbackup 2
  wait_for containerd "containerd" ctr version
  image_pause
  wait_for kube-apiserver "the API server" kubectl get --raw /readyz
  begin kube-controller-manager "$bin/kubelite" kube-controller-manager --kubeconfig "$state/controller-manager.kubeconfig" \
    --leader-elect=false --use-service-account-credentials --bind-address 127.0.0.1 \
    --service-account-private-key-file "$pki/service-accounts.key" --root-ca-file "$pki/ca.crt" \
    --cluster-signing-cert-file "$pki/ca.crt" --cluster-signing-key-file "$pki/ca.key" \
    --horizontal-pod-autoscaler-sync-period 5s
  begin kube-scheduler "$bin/kubelite" kube-scheduler --kubeconfig "$state/scheduler.kubeconfig" --leader-elect=false \
    --bind-address 127.0.0.1
  begin kubelet "$bin/kubelite" kubelet --config "$state/kubelet.yaml" --kubeconfig "$state/kubelet.kubeconfig" \
    --root-dir "$state/kubelet" --cert-dir "$pki" --hostname-override "$node" --node-ip "$node_ip"
  begin kube-proxy "$bin/kubelite" kube-proxy --config "$state/kube-proxy.yaml"
  wait_for kubelet "node $node" kubectl wait --for=condition=Ready --timeout=1s "node/$node"
}

# processes_stay: all of them still run once the cluster is up.
processes_stay() {
  local name
  for name in $names; do
    alive "$name" || die "$name ended (read $(processes_log "$name"))"
  done
}

# configure: fills in the templates of config/ and puts them under $state. A file
# that would not change is left alone: kube-proxy ends when its file is written.
configure() {
  local file to
  mkdir -p "$state/cni" "$state/registries/_default"
  for file in "$here"/config/*; do
    case $file in
      *.conflist) to=$state/cni/${file##*/} ;;
      *.toml)     to=$state/${file##*/}; [[ $file != */hosts.toml ]] || to=$state/registries/_default/hosts.toml ;;
      *)          to=$state/${file##*/} ;;
    esac
    sed -e "s|@state@|$state|g; s|@run@|$run|g; s|@pods@|$pods|g; s|@node@|$node|g; s|@dns@|$dns_ip|g" \
      "$file" >"$run/filled"
    cmp -s "$run/filled" "$to" || cp "$run/filled" "$to"
  done
  [[ -e $state/resolv.conf ]] || : >"$state/resolv.conf"   # pods ask the cluster's DNS and nobody else
}

# Folders that cannot be put elsewhere; and the kubelet changes a few settings
# of the whole machine. `down` puts both back.
fixed_folders="/run/containerd /var/lib/cni /var/lib/kubelet /var/log/containers"
settings_save() {
  [[ -e $state/existed ]] && return
  # shellcheck disable=SC2086  # several folders
  ls -d $fixed_folders >"$state/existed" 2>/dev/null || true
  sysctl vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops \
    kernel.keys.root_maxkeys kernel.keys.root_maxbytes 2>/dev/null >"$state/sysctl" || true
}

# process_stop NAME: ends one of them; `start` begins whatever does not run.
process_stop() {
  [[ " $names " = *" ${1:-} "* ]] || die "'${1:-}' is none of: $names"
  end "$1"
}

processes_status() {
  local name
  for name in $names; do
    if alive "$name"; then echo "$name runs (pid $(cut -d' ' -f1 "$run/pids/$name"))"; else echo "$name is not running"; fi
  done
}

processes_down() {
  local name dir
  for name in kubelet kube-proxy kube-scheduler kube-controller-manager; do end "$name"; done
  # Pods outlive a containerd that died, so it is started again to remove them.
  if [[ -e /run/netns/$netns && -s $state/containerd.toml ]]; then
    begin containerd containerd --config "$state/containerd.toml"
    wait_for containerd "containerd" ctr version
    step sweep "removing the pods" "$bin/kubelite" sweep "unix://$run/containerd/containerd.sock"
  fi
  for name in kube-apiserver etcd containerd; do end "$name"; done
  say "removing mounts, control groups and files"
  # Deepest first; only below the cluster's own folders.
  awk -v below="^($state|$run|$cache)/" '$5 ~ below {print $5}' /proc/self/mountinfo | sort -r | while read -r dir; do
    umount "$dir" 2>/dev/null || umount -l "$dir"
  done
  for dir in /sys/fs/cgroup/*/kubepods /sys/fs/cgroup/kubepods; do
    [[ -d $dir ]] && find "$dir" -depth -type d -exec rmdir {} +
  done
  if [[ -s $state/sysctl ]]; then sysctl -q -p "$state/sysctl" 2>/dev/null || true; fi
  find /var/log/containers -type l -lname "$state/*" -delete 2>/dev/null || true
  for dir in $fixed_folders; do
    grep -qxF "$dir" "$state/existed" 2>/dev/null || rm -rf --one-file-system "$dir"
  done
}
