# ./dev deps: the Debian packages that Holdfast is built and tested with.
# shellcheck shell=bash

# packages CODENAME: one name a line. Debian 12 keeps Boost 1.81 under names of its own.
packages() {
  case $1 in
    bookworm) printf '%s\n' libboost1.81-dev libboost-json1.81-dev ;;
    *) printf '%s\n' libboost-dev libboost-json-dev ;;
  esac
  tr ' ' '\n' <<'NAMES'
clang-19 lld-19 llvm-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev cmake ninja-build ccache
git pkg-config ca-certificates tzdata libcurl4-openssl-dev libpq-dev libsqlite3-dev libsqlitecpp-dev libssl-dev
libsodium-dev libzstd-dev libfmt-dev libspdlog-dev libcli11-dev libyaml-cpp-dev libcctz-dev
prometheus-cpp-dev libnghttp2-dev libgrpc++-dev libprotobuf-dev protobuf-compiler libbtrfsutil-dev libacl1-dev libattr1-dev libgtest-dev libgmock-dev
librapidcheck-dev postgresql restic iproute2 btrfs-progs acl attr python3 python3-venv
NAMES
}

missing_packages() {
  local name
  packages "$1" | while read -r name; do
    dpkg-query -W -f '${db:Status-Status}\n' "$name" 2>/dev/null | grep -qx installed || echo "$name"
  done
}

apt_quiet() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 \
    -o DPkg::Lock::Timeout=300 "$@" </dev/null
}

hf_deps() {
  command -v dpkg-query >/dev/null ||
    fail "Holdfast is built on Debian 12 or 13 (or Ubuntu 24.04); this system has no dpkg" 8
  local codename missing
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-unknown}")
  case $codename in
    bookworm | trixie | noble) ;;
    *) say "packages: $codename is not a release that was tried (bookworm, trixie); trying trixie's names" ;;
  esac
  missing=$(missing_packages "$codename")
  [ -z "$missing" ] && return 0
  if [ "$codename" = bookworm ] && grep -q boost1.81 <<<"$missing" &&
    dpkg-query -W -f '${db:Status-Status}\n' libboost1.74-dev 2>/dev/null | grep -qx installed; then
    fail "libboost1.74-dev is installed and cannot stay beside libboost1.81-dev, which Holdfast needs; remove it (apt-get remove libboost1.74-dev) and run this again" 8
  fi
  local count
  count=$(wc -l <<<"$missing")
  step apt-update "packages: reading the package lists (network)" apt_quiet update
  # shellcheck disable=SC2086 # one word a package
  step apt-install "packages: installing $count that are missing (3 minutes when all are: mostly unpacking)" \
    apt_quiet install -y --no-install-recommends $missing ||
    fail "apt could not install what is missing; see build/logs/apt-install.log" 8
}
