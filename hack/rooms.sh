# shellcheck shell=bash
# Which folder holds the requirements of a room. Sourced by hack/env and hack/lock.

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rooms="gateway operator predictors hub demo tools"
# What others offer, each in an environment of its own: `make bench` measures them, and nothing else needs them.
peers="peer-kserve peer-infinity peer-mlserver peer-proxy peer-engines"

room_folder() {
  case $1 in
    gateway|operator|predictors) echo "$repo/$1" ;;
    hub|demo|tools)              echo "$repo/hack/$1" ;;
    peer-*)                      echo "$repo/hack/peers/${1#peer-}" ;;
    *) echo "unknown room '$1': one of $rooms $peers" >&2; return 2 ;;
  esac
}
