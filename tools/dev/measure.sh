# ./dev bench, ./dev soak and ./dev fuzz.
# shellcheck shell=bash
. "$HF_ROOT/tools/dev/build.sh"

hf_bench() {
  local name=${1:-thread}
  [ $# -gt 0 ] && shift
  [ -f "bench/$name.py" ] ||
    fail "there is no benchmark '$name'; bench/ has: $(cd bench && echo *.py)" 2
  local targets=(holdfast)
  case $name in
    flow) targets=(flow_bench) ;;
    ontap) targets=(holdfast ontap-sim) ;;
    flow_temporal)
      . "$HF_ROOT/tools/dev/tools.sh"
      hf_temporal_tool
      targets=(temporal_test)
      ;;
  esac
  hf_build release "${targets[@]}" || return
  HOLDFAST_BIN=$HF_ROOT/build/release/holdfast python3 -B "bench/$name.py" "$@"
}

hf_soak() {
  local name=${1:-flow}
  [ $# -gt 0 ] && shift
  [ -f "bench/soak_$name.py" ] || fail "there is no soak '$name'; there is: flow" 2
  hf_build release "${name}_soak" || return
  python3 -B "bench/soak_$name.py" "$@"
}

# hf_fuzz [TARGET] [SECONDS]: new inputs go to build/fuzz/corpus/TARGET; a crash is left beside them.
hf_fuzz() {
  local wanted=${1:-} seconds=${2:-60} source target code=0
  [ -z "$wanted" ] || [ -f "fuzz/$wanted.cc" ] ||
    fail "there is no fuzz target '$wanted'; fuzz/ has: $(cd fuzz && echo *.cc)" 2
  local targets=()
  for source in fuzz/${wanted:-*}.cc; do
    targets+=("fuzz_$(basename "$source" .cc)")
  done
  hf_build fuzz "${targets[@]}" || return
  for target in "${targets[@]}"; do
    local corpus=build/fuzz/corpus/$target seeds=fuzz/corpus/${target#fuzz_}
    mkdir -p "$corpus"
    [ -d "$seeds" ] || seeds=
    # shellcheck disable=SC2086 # the folder of seeds may be absent
    step "$target" "$target for $seconds s" build/fuzz/bin/"$target" -max_total_time="$seconds" \
      -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$corpus-" "$corpus" $seeds || code=1
  done
  return "$code"
}
