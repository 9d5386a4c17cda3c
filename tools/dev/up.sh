# ./dev up and ./dev down: the server on loopback, then the main job by the public command line.
# shellcheck shell=bash
. "$HF_ROOT/tools/dev/build.sh"

HF_DATA=${HOLDFAST_DATA:-$HOME/.local/share/holdfast}
HF_LISTEN=${HOLDFAST_LISTEN:-127.0.0.1:7420}
HF_MARKER=$HF_DATA/.holdfast-up
HF_PID=$HF_DATA/server.pid
HF_BIN=$HF_ROOT/build/release/holdfast

# server_pid: prints the id of up's own server while that runs.
server_pid() {
  local pid
  pid=$(cat "$HF_PID" 2>/dev/null) || return 1
  [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "serve --data $HF_DATA " || return 1
  echo "$pid"
}

# ended PID: it runs no more and holds nothing; its id may stay where nobody collects ended processes.
ended() { ! grep -q '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/status" 2>/dev/null; }

stop_server() {
  local pid waited=0
  pid=$(server_pid) || return 0
  kill -TERM "$pid" 2>/dev/null || true
  until ended "$pid"; do
    [ "$waited" -lt 300 ] || fail "the server (process $pid) does not end; see $HF_DATA/server.log" 9
    waited=$((waited + 1))
    sleep 0.1
  done
  rm -f "$HF_PID"
}

# start_server: leaves one that answers; an older build of ours is replaced.
start_server() {
  local pid waited=0
  if pid=$(server_pid); then
    if [ "$(readlink "/proc/$pid/exe")" = "$HF_BIN" ]; then
      say "server: process $pid runs already at $HF_LISTEN"
      return 0
    fi
    say "server: process $pid is an older build; starting it anew"
    stop_server
  fi
  say "server: holdfast serve --data $HF_DATA --listen $HF_LISTEN"
  rm -f "$HF_DATA/endpoint.json"
  setsid "$HF_BIN" serve --data "$HF_DATA" --listen "$HF_LISTEN" </dev/null >>"$HF_DATA/server.log" 2>&1 &
  pid=$!
  echo "$pid" >"$HF_PID"
  until [ -s "$HF_DATA/endpoint.json" ] && "$HF_BIN" status >/dev/null 2>&1; do
    if ended "$pid"; then
      rm -f "$HF_PID"
      tail -n 5 "$HF_DATA/server.log" >&2
      fail "the server ended at once; its last lines are above, all of them in $HF_DATA/server.log" 11
    fi
    [ "$waited" -lt 600 ] || fail "the server does not answer after 60 s; see $HF_DATA/server.log" 9
    waited=$((waited + 1))
    sleep 0.1
  done
}

# use_ontap: the server of ./dev up --ontap stands beside the usual one, with the simulator as its storage.
use_ontap() {
  HF_DATA=${HOLDFAST_DATA:-$HOME/.local/share/holdfast}-ontap
  HF_LISTEN=${HOLDFAST_ONTAP_LISTEN:-127.0.0.1:7421}
  HF_MARKER=$HF_DATA/.holdfast-up
  HF_PID=$HF_DATA/server.pid
  HF_ARRAY=$HF_DATA-array
  HF_SIM=$HF_ROOT/build/release/ontap-sim
}

simulator_pid() {
  local pid
  pid=$(cat "$HF_DATA/simulator.pid" 2>/dev/null) || return 1
  [ -n "$pid" ] && tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "ontap-sim --data $HF_ARRAY " || return 1
  echo "$pid"
}

stop_simulator() {
  local pid waited=0
  pid=$(simulator_pid) || return 0
  kill -TERM "$pid" 2>/dev/null || true
  until ended "$pid"; do
    [ "$waited" -lt 300 ] || fail "the simulator (process $pid) does not end; see $HF_DATA/simulator.log" 9
    waited=$((waited + 1))
    sleep 0.1
  done
  rm -f "$HF_DATA/simulator.pid"
}

start_simulator() {
  local pid waited=0
  if pid=$(simulator_pid); then
    say "storage: process $pid simulates it already"
    return 0
  fi
  local listen=${HOLDFAST_ONTAP_MANAGER:-127.0.0.1:7430}
  say "storage: ontap-sim --data $HF_ARRAY --listen $listen"
  mkdir -p "$HF_ARRAY"
  rm -f "$HF_ARRAY/endpoints.json"
  setsid "$HF_SIM" --data "$HF_ARRAY" --listen "$listen" </dev/null >>"$HF_DATA/simulator.log" 2>&1 &
  pid=$!
  echo "$pid" >"$HF_DATA/simulator.pid"
  until [ -s "$HF_ARRAY/endpoints.json" ]; do
    if ended "$pid"; then
      tail -n 5 "$HF_DATA/simulator.log" >&2
      fail "the simulator ended at once; its last lines are above, all of them in $HF_DATA/simulator.log" 11
    fi
    [ "$waited" -lt 600 ] || fail "the simulator does not answer after 60 s; see $HF_DATA/simulator.log" 9
    waited=$((waited + 1))
    sleep 0.1
  done
}

hf_up() {
  local paths=() fresh="" ontap="" word path
  for word in "$@"; do
    case $word in
      --fresh) fresh=1 ;;
      --ontap) ontap=1 ;;
      -*) fail "./dev up knows --fresh, --ontap and paths, not '$word'" 2 ;;
      *)
        path=$(cd "$HF_FROM" && realpath -e -- "$word" 2>/dev/null) || fail "there is nothing at '$word' to protect" 4
        paths+=("$path")
        ;;
    esac
  done
  if [ -n "$ontap" ]; then
    use_ontap
    [ ${#paths[@]} -gt 0 ] || paths=("$HF_ROOT/docs")
    hf_build release holdfast ontap-sim || return
  else
    [ ${#paths[@]} -gt 0 ] || paths=(/usr/include)
    hf_build release holdfast || return
  fi
  if [ -n "$fresh" ] && [ -e "$HF_DATA" ]; then
    [ -f "$HF_MARKER" ] || fail "$HF_DATA was not made by ./dev up (no .holdfast-up in it), so --fresh leaves it alone" 8
    stop_server
    [ -z "$ontap" ] || { stop_simulator && rm -rf -- "$HF_ARRAY"; }
    rm -rf -- "$HF_DATA"
    [ ! -f "$HF_DATA-restored/.holdfast-up" ] || rm -rf -- "$HF_DATA-restored"
  fi
  if [ -d "$HF_DATA" ] && [ ! -f "$HF_MARKER" ] && [ -n "$(ls -A "$HF_DATA")" ]; then
    fail "$HF_DATA is not empty and was not made by ./dev up; name another with HOLDFAST_DATA" 8
  fi
  mkdir -p "$HF_DATA"
  chmod 700 "$HF_DATA"
  touch "$HF_MARKER"
  export HOLDFAST_DATA=$HF_DATA HOLDFAST_SERVER=http://$HF_LISTEN
  if [ -n "$ontap" ]; then
    start_simulator || return
    start_server || return
    python3 -B "$HF_ROOT/tools/dev/up_ontap.py" "$HF_BIN" "$HF_DATA" "$HF_ARRAY" "${paths[@]}"
  else
    start_server || return
    python3 -B "$HF_ROOT/tools/dev/up.py" "$HF_BIN" "$HF_DATA" "${paths[@]}"
  fi
}

# Both servers, and the simulator.
hf_down() {
  down_one
  use_ontap
  if server_pid >/dev/null || simulator_pid >/dev/null; then
    down_one
    stop_simulator
  fi
}

down_one() {
  if server_pid >/dev/null; then
    stop_server
    say "stopped; everything is kept in $HF_DATA (./dev up goes on, ./dev up --fresh starts over)"
  else
    say "no server of ./dev up runs on $HF_DATA"
  fi
}
