# shellcheck shell=bash
# A program that this machine may not have: its own, or the one in a Debian package, which is unpacked and not installed.
# Sourced, with `repo` set.

# run_debian PACKAGE PROGRAM ARGUMENT...: becomes that program. Exits with 69 where there is neither.
run_debian() {
  local package=$1 program=$2 found folder carried
  shift 2
  if found=$(type -P "$program"); then exec "$found" "$@"; fi
  carried=${repo:?}/.venv/debian-$package
  if [[ ! -x $carried/$program ]]; then
    type -P apt-get dpkg-deb >/dev/null || { echo "no $program on this machine, and no Debian package of it to be had" >&2; exit 69; }
    echo "no $program on this machine: taking the one in Debian's package $package" >&2
    folder=$(mktemp -d)
    (cd "$folder" && apt-get download --quiet "$package" && dpkg-deb --extract "$package"_*.deb unpacked) >&2 \
      || { rm -rf "$folder"; echo "Debian's package $package cannot be had: apt-get update, as root, may help" >&2; exit 69; }
    mkdir -p "$carried"
    mv "$folder"/unpacked/usr/bin/* "$carried"
    rm -rf "$folder"
  fi
  exec "$carried/$program" "$@"
}
