# shellcheck shell=bash
# Which folder holds the requirements of a room. Sourced by hack/env, hack/lock and what brings tools of its own.

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

# tool_env NAME: brings .venv/NAME in step with hack/tools/requirements-NAME.txt, and prints its path.
tool_env() {
  local venv=$repo/.venv/$1 lock=$repo/hack/tools/requirements-$1.txt uv
  if ! cmp -s "$lock" "$venv/.lock"; then
    uv=$("$repo/hack/env" tools)/bin/uv
    [[ -x $venv/bin/python ]] || "$uv" venv --quiet --python "$(command -v "${PYTHON:-python3}")" "$venv" >&2
    VIRTUAL_ENV=$venv "$uv" pip sync --quiet --require-hashes "$lock" >&2
    cp "$lock" "$venv/.lock"
  fi
  echo "$venv"
}
