# ./dev check, ./dev format, ./dev numbers: the Python checks of tools/check.
# shellcheck shell=bash
. "$HF_ROOT/tools/dev/deps.sh"

hf_check() {
  hf_deps
  python3 -B tools/check "$@" </dev/null
}

hf_format() {
  hf_deps
  git ls-files -z -- '*.cc' '*.h' | xargs -0 -r -n 40 -P "$HF_JOBS" clang-format-19 -i
  git diff --stat -- '*.cc' '*.h'
}

hf_numbers() { python3 -B tools/check/numbers.py "$@"; }
