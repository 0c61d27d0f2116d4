#!/bin/sh
# Installs a lock file into an image's environment by hash, and leaves out what libraries carry along for their own
# tests, builds and model conversions: a fifth of them.
#
#   install_packages.sh LOCK
set -eu
environment=/opt/veriaidpo
# Compiled now: where it runs, nothing can be written.
PYTHONDONTWRITEBYTECODE='' pip --python $environment/bin/python install --quiet --no-cache-dir \
  --disable-pip-version-check --root-user-action ignore --require-hashes --only-binary :all: -r "$1"
cd $environment/lib/python3*/site-packages
find . -type d \( -name tests -o -name test \) -prune -exec rm -rf {} +
find . -type f \( -name '*.pyi' -o -name '*.a' -o -name '*.h' -o -name '*.hpp' -o -name '*.pxd' \) -delete
rm -rf onnxruntime/transformers onnxruntime/quantization onnxruntime/tools onnxruntime/datasets
