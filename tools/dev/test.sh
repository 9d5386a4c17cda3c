# ./dev test and ./dev nightly.
# shellcheck shell=bash
. "$HF_ROOT/tools/dev/build.sh"
. "$HF_ROOT/tools/dev/tools.sh"

# run_ctest PRESET ARGUMENT...: quiet while all is well, the failing test's output otherwise; ctest's
# own closing block comes last. The log stays in build/logs/ctest-PRESET.log.
run_ctest() {
  local preset=$1 log=$HF_LOGS/ctest-$1.log code=0 started=$SECONDS
  shift
  mkdir -p "$HF_LOGS"
  if [ "$preset" = tsan ]; then
    export TSAN_OPTIONS="suppressions=$HF_ROOT/tools/dev/tsan.supp ignore_noninstrumented_modules=1"
  fi
  say "ctest $preset $*"
  ctest --test-dir "build/$preset" -j "$HF_JOBS" --output-on-failure "$@" </dev/null >"$log" 2>&1 || code=$?
  if [ "$code" != 0 ]; then
    failing_output "$log"
  fi
  printf '    done in %s s\n' "$((SECONDS - started))"
  closing_block "$log"
  return "$code"
}

# The last 60 lines that each failing test printed.
failing_output() {
  awk '
    /^ *[0-9]+\/[0-9]+ Test +#/ {
      flush_test()
      failed = $0 !~ /Passed/
      header = $0
      next
    }
    /tests passed, [0-9]+ tests? failed/ { flush_test(); failed = 0 }
    failed { lines[count++] = $0 }
    function flush_test(i, from) {
      if (count > 0) {
        print header
        from = count > 60 ? count - 60 : 0
        for (i = from; i < count; ++i) print lines[i]
      }
      count = 0
    }' "$1"
}

closing_block() { awk '/tests passed, [0-9]+ tests? failed/ { on = 1 } on' "$1"; }

hf_test() {
  local labels='fast|slow'
  case ${1:-} in
    fast | slow | nightly)
      labels=$1
      shift
      ;;
  esac
  hf_build release || return
  case $labels in *slow* | nightly) hf_tools ;; esac
  run_ctest release -L "^($labels)\$" "$@"
}

# The rooms whose code reads foreign bytes or shares memory between threads.
HF_ASAN_ROOMS="base crypto env async db blob repo backup flow temporal net schedule"

# hf_asan: those rooms' fast tests under the address and undefined-behaviour sanitizers.
hf_asan() {
  local room targets=() names=
  [ -f build/asan/build.ninja ] || step configure-asan "configure asan" cmake --preset asan || return
  for room in $HF_ASAN_ROOMS; do
    ninja -C build/asan -t query "${room}_test" >/dev/null 2>&1 || continue
    targets+=("${room}_test")
    names+="${names:+|}$room"
  done
  hf_build asan "${targets[@]}" || return
  run_ctest asan -L '^fast$' -R "^($names)_test\$"
}

hf_nightly() {
  local preset code=0
  hf_temporal_tool
  hf_test 'nightly' || code=1
  hf_test || code=1
  for preset in asan tsan; do
    { hf_build "$preset" && run_ctest "$preset" -L '^(fast|slow)$'; } || code=1
  done
  . "$HF_ROOT/tools/dev/measure.sh"
  hf_fuzz || code=1
  . "$HF_ROOT/tools/dev/check.sh"
  hf_check --all || code=1
  if [ "$(id -u)" = 0 ]; then
    . "$HF_ROOT/tools/dev/fresh.sh"
    hf_fresh bookworm || code=1
    hf_fresh trixie || code=1
  fi
  return "$code"
}
