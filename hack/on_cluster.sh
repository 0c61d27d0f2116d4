# shellcheck shell=bash
# Brings the test cluster up and points kubectl, helm and the tests at it. Sourced, from the repo's folder.

hack/cluster/provider up >/dev/null
KUBECONFIG=$(hack/cluster/provider kubeconfig)
INGRESS=$(hack/cluster/provider ingress)
export KUBECONFIG INGRESS
bin=${DEVCLUSTER_CACHE:-$HOME/.cache/devcluster}/bin
[[ ! -d $bin ]] || export PATH=$bin:$PATH
