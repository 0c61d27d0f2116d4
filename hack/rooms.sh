# shellcheck shell=bash
# Which folder holds the requirements of a room. Sourced by hack/env and hack/lock.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rooms="gateway operator predictors hub demo tools"

room_folder() {
  case $1 in
    gateway|operator|predictors) echo "$repo/$1" ;;
    hub|demo|tools)              echo "$repo/hack/$1" ;;
    *) echo "unknown room '$1': one of $rooms" >&2; return 2 ;;
  esac
}
