# ./dev build: one CMake preset, configured when needed.
# shellcheck shell=bash
. "$HF_ROOT/tools/dev/deps.sh"

# hf_build PRESET [TARGET...]: leaves the program at build/PRESET/holdfast.
hf_build() {
  local preset=$1 dir=$HF_ROOT/build/$1
  shift
  hf_deps
  grep -q "\"name\": \"$preset\"" CMakePresets.json ||
    fail "there is no preset '$preset'; CMakePresets.json has dev, release, asan, tsan, fuzz and coverage" 2
  if [ ! -f "$dir/build.ninja" ]; then
    step "configure-$preset" "configure $preset" cmake --preset "$preset" || return
  fi
  local why="only what changed"
  [ -f "$dir/.ninja_deps" ] || why="all of it, on $HF_JOBS cores: some minutes"
  step "build-$preset" "build $preset ($why)" ninja -C "$dir" -j "$HF_JOBS" "$@"
}
