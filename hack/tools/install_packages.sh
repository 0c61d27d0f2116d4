#!/bin/sh
# Installs a lock file into an image's environment by hash, and leaves out what libraries carry along for their own
# tests, builds and model conversions: a fifth of them.
#
#   install_packages.sh LOCK [NAME ...]    packages NAME of the lock are not installed
set -eu
environment=/opt/veriaidpo
lock=$1; shift
wanted=$(mktemp)
# A package is a line with its version and further ones with its hashes.
awk -v names="$*" 'BEGIN { split(names, listed, " "); for (i in listed) left[listed[i]] }
  /^[A-Za-z0-9]/ { name = $1; sub(/==.*/, "", name); out = name in left }
  !out' "$lock" >"$wanted"
# A lock file is complete, so there is nothing to resolve. What runs is compiled below: nothing can be written there.
pip --python $environment/bin/python install --quiet --no-cache-dir --disable-pip-version-check \
  --root-user-action ignore --require-hashes --no-deps --no-compile --only-binary :all: -r "$wanted"
rm "$wanted"
cd $environment/lib/python3*/site-packages
find . -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
find . -type f \( -name '*.pyi' -o -name '*.a' -o -name '*.h' -o -name '*.hpp' -o -name '*.pxd' \) -delete
rm -rf onnxruntime/transformers onnxruntime/quantization onnxruntime/tools onnxruntime/datasets
# By content and not by time, which differs from one build to the next. Some packages carry templates that are no Python
# yet; pip passes over them, too.
$environment/bin/python -m compileall -qq -j 0 --invalidation-mode unchecked-hash . || true
