# shellcheck shell=bash
# What runs inside the cluster: DNS, storage, ingress, metrics and KServe.

addons_up() {
  images_base
  images_from busybox:1 busybox
  image_static devcluster/coredns:1 coredns 0
  image_static devcluster/local-path-provisioner:1 local-path-provisioner 0
  image_static devcluster/traefik:1 traefik
  image_static devcluster/metrics-server:1 metrics-server
  image_static devcluster/kserve-controller:1 kserve-manager
  [[ -n $(ctr images ls -q "name==$(image_name busybox:1)") ]] || image_load busybox:1
  step addon-gateway "applying the Gateway API's definitions" gateway_apply
  local name
  for name in coredns storage traefik metrics-server; do
    step "addon-$name" "applying $name" addon_apply "$name"
  done
  step addon-kserve "applying KServe" kserve_apply
  addons_wait
}

# addon_apply NAME: fills in a manifest of addons/ and applies it.
addon_apply() {
  sed -e "s|@state@|$state|g; s|@dns@|$dns_ip|g; s|@node_ip@|$node_ip|g; s|@http_port@|$http_port|g; s|@https_port@|$https_port|g; s|@traefik_image@|$traefik_image|g" \
    "$here/addons/$1.yaml" | kubectl apply --server-side --force-conflicts -f -
}

# ingress_address [https]: where the ingress controller answers this machine.
ingress_address() {
  if [[ ${1:-} = https ]]; then echo "https://$node_ip:$https_port"; else echo "http://$node_ip:$http_port"; fi
}

# module_dir FOLDER MODULE: where Go keeps the source of a module that FOLDER's go.mod names.
module_dir() { (cd "$here/$1" && go mod download "$2" && go list -m -f '{{.Dir}}' "$2"); }

# release_dir MODULE@VERSION: where Go keeps the source of any release of a module.
release_dir() { go mod download -json "$1" | sed -n 's/^\t*"Dir": "\(.*\)",\{0,1\}$/\1/p'; }

# The definitions as released with the Gateway API version that Traefik is built against.
gateway_apply() {
  local dir; dir=$(module_dir traefik sigs.k8s.io/gateway-api)/config/crd/standard
  kubectl apply --server-side --force-conflicts -f "$dir"
  kubectl wait --for=condition=Established --timeout=60s -f "$dir"
}

addons_wait() {
  local where
  for where in kube-system/coredns storage/local-path-provisioner ingress/traefik kserve/kserve-controller-manager \
    kube-system/metrics-server; do
    step "addon-${where##*/}" "waiting for ${where##*/}" \
      kubectl -n "${where%%/*}" rollout status "deployment/${where##*/}" --timeout 180s
  done
  step addon-kserve "waiting for KServe's webhooks" kserve_answers
}

# KServe comes from the charts inside its released Go module. They count on
# cert-manager; addons/kserve/kustomization.yaml takes its objects out, and puts in a
# certificate made here.
kserve_apply() {
  local charts dir=$state/kserve
  charts=${kserve_charts:-$(module_dir kserve github.com/kserve/kserve)/charts}
  rm -rf "$dir"; mkdir -p "$dir"
  "$helm" template kserve-crd "$charts/kserve-crd" --namespace kserve >"$dir/crds.yaml"
  "$helm" template kserve "$charts/kserve-resources" --namespace kserve \
    --set kserve.controller.image="$kserve_image" --set-string kserve.controller.tag="$kserve_tag" \
    --values "$here/addons/kserve/values.yaml" >"$dir/resources.yaml"
  sed "s|@ca_bundle@|$(base64 -w0 "$pki/ca.crt")|g; s|@kserve_command@|$kserve_command|g" "$here/addons/kserve/kustomization.yaml" >"$dir/kustomization.yaml"
  kubectl apply --server-side --force-conflicts -f "$dir/crds.yaml"
  kubectl wait --for=condition=Established --timeout=60s -f "$dir/crds.yaml"
  kubectl create namespace kserve --dry-run=client -o yaml | kubectl apply --server-side -f -
  kubectl -n kserve create secret tls kserve-webhook-server-cert --cert "$pki/kserve-webhook.crt" \
    --key "$pki/kserve-webhook.key" --dry-run=client -o yaml | kubectl apply --server-side -f -
  kubectl kustomize "$dir" >"$dir/final.yaml"
  kubectl apply --server-side --force-conflicts -f "$dir/final.yaml"
}

# Asks the API server to run an InferenceService past the webhooks, storing nothing.
kserve_answers() {
  for _ in {1..60}; do
    kubectl create --dry-run=server -f - <<'YAML' && return
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: probe, namespace: default}
spec: {predictor: {containers: [{name: kserve-container, image: probe}]}}
YAML
    sleep 1
  done
  return 1
}
