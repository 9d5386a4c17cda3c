# Programs from Go that judge what Holdfast writes. Nothing needs them: where Go is missing or too old, the
# tests that use one are skipped and say so.
# shellcheck shell=bash

HF_TOOLS=${XDG_CACHE_HOME:-$HOME/.cache}/holdfast/bin

# go_tool NAME PACKAGE@VERSION: builds it once, into HF_TOOLS/NAME-VERSION.
go_tool() {
  local name=$1 package=$2 version=${2##*@} made
  made=$HF_TOOLS/$name-$version
  [ -x "$made" ] && return 0
  command -v go >/dev/null || return 0
  mkdir -p "$HF_TOOLS/new"
  if ! step "tool-$name" "$name $version from Go (once; some minutes)" \
    env GOBIN="$HF_TOOLS/new" GOTOOLCHAIN=local GOFLAGS=-mod=mod go install "$package"; then
    say "$name $version could not be built; the tests that need it are skipped"
    return 0
  fi
  mv "$HF_TOOLS/new/$name" "$made"
}

hf_tools() {
  go_tool restic github.com/restic/restic/cmd/restic@v0.19.1
  export HOLDFAST_RESTIC_0_19=$HF_TOOLS/restic-v0.19.1
  # The last version without a replace directive, which `go install` refuses. It takes some ten minutes of two
  # cores, so it is built where it is asked for: ./dev deps --temporal, or HOLDFAST_REQUIRE names temporal.
  case ,${HOLDFAST_REQUIRE:-}, in *,temporal,*) hf_temporal_tool ;; esac
  export HOLDFAST_TEMPORAL_CLI=$HF_TOOLS/temporal-v1.5.1
}

hf_temporal_tool() {
  go_tool temporal github.com/temporalio/cli/cmd/temporal@v1.5.1
}

# What ./dev deps takes beside the packages.
hf_more_deps() {
  case ${1:-} in
    '') ;;
    --temporal) hf_temporal_tool ;;
    *) fail "./dev deps knows --temporal, not '$1'" 2 ;;
  esac
}
