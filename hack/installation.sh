# shellcheck shell=bash
# An installation and the names of its parts, as the chart gives them. Sourced by hack/backup, hack/restore and others.

namespace=${NAMESPACE:-veriaidpo}
release=${RELEASE:-veriaidpo}
fullname=$release
[[ $release = *veriaidpo* ]] || fullname=$release-veriaidpo
fullname=${fullname:0:45}
# shellcheck disable=SC2034  # not every script asks for it
database=${fullname:0:41}-postgresql

in_namespace() { kubectl --namespace "$namespace" "$@"; }

kept() { python3 hack/tools/kept.py "$@"; }
