# Shared by the parts of ./dev: how a step is announced, run, and reported when it fails.
# shellcheck shell=bash

HF_LOGS=$HF_ROOT/build/logs
HF_JOBS=${HOLDFAST_JOBS:-$(nproc)}
export HF_ROOT HF_LOGS HF_JOBS

# say TEXT: one line about what happens now.
say() { printf '==> %s\n' "$*"; }

# fail SENTENCE [CODE]: one sentence on stderr, and the end.
fail() {
  printf 'dev: %s\n' "$1" >&2
  exit "${2:-1}"
}

# as_root COMMAND...: runs it as root, by sudo when we are not.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    fail "installing packages needs root, and sudo is not here; run './dev deps' once as root" 6
  fi
}

# last_line FILE: its newest line, short enough for a terminal.
last_line() { tail -c 400 "$1" 2>/dev/null | tr '\r' '\n' | tail -n 1 | cut -c "1-$((${COLUMNS:-100} - 10))"; }

# step NAME SENTENCE COMMAND...: announces, runs with the output in build/logs/NAME.log, says how long
# it took. A terminal sees the newest line of the output meanwhile, anything else a line a minute.
# When the command fails the end of its output is shown and its exit code returned.
step() {
  local name=$1 sentence=$2 started=$SECONDS code=0
  shift 2
  mkdir -p "$HF_LOGS"
  local log=$HF_LOGS/$name.log
  say "$sentence"
  "$@" >"$log" 2>&1 &
  local child=$! waited=0
  # Ctrl-C ends the step, not only the shell that waits for it.
  trap 'kill "$child" 2>/dev/null; exit 130' INT TERM
  while kill -0 "$child" 2>/dev/null; do
    sleep 1
    waited=$((waited + 1))
    if [ -t 1 ]; then
      printf '\r\033[K    %s' "$(last_line "$log")"
    elif [ $((waited % 60)) = 0 ]; then
      printf '    still at it after %s s: %s\n' "$waited" "$(last_line "$log")"
    fi
  done
  wait "$child" || code=$?
  trap - INT TERM
  [ -t 1 ] && printf '\r\033[K'
  if [ "$code" != 0 ]; then
    printf -- '--- the end of %s ---\n' "$log" >&2
    tail -n 40 "$log" >&2
    printf 'dev: "%s" failed with code %s; the whole output is in %s\n' "$sentence" "$code" "$log" >&2
    return "$code"
  fi
  printf '    done in %s s\n' "$((SECONDS - started))"
}
