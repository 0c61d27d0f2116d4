# shellcheck shell=bash
# An installation and the names of its parts, as the chart gives them. Sourced by hack/backup and hack/restore.

namespace=${NAMESPACE:-veriaidpo}
release=${RELEASE:-veriaidpo}
fullname=$release
[[ $release = *veriaidpo* ]] || fullname=$release-veriaidpo
fullname=${fullname:0:45}
database=${fullname:0:41}-postgresql

in_namespace() { kubectl --namespace "$namespace" "$@"; }

kept() { python3 hack/tools/kept.py "$@"; }
