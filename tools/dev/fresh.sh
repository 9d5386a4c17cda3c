# ./dev fresh bookworm|trixie: the console blocks of the README, typed into a bare Debian, with the seconds
# of each. Root only; the tree and everything in it is deleted at the end.
# shellcheck shell=bash

. "$HF_ROOT/tools/dev/deps.sh"

# typed_lines: what the README asks a reader to type, without the clone itself.
typed_lines() {
  awk '/^```console$/ { on = 1; next } /^```/ { on = 0 } on && sub(/^\$ /, "")' README.md |
    grep -v -e '^git clone' -e '^cd '
}

# typing: the program that types them inside the tree, in one shell as a reader has one.
typing() {
  cat <<'TEXT'
cd /holdfast
while read -r line <&3; do
  printf '\n$ %s\n' "$line"
  started=$SECONDS code=0
  eval "$line" </dev/null 3<&- || code=$?
  printf '[%s s, code %s]\n' "$((SECONDS - started))" "$code"
  [ "$code" = 0 ] || exit 1
done
TEXT
}

leave_tree() {
  local tree=$1 inner
  # What up started inside ends with the tree; only processes whose root is the tree.
  for inner in /proc/[0-9]*; do
    if [ "$(readlink "$inner/root" 2>/dev/null)" = "$tree" ]; then
      kill -9 "${inner#/proc/}" 2>/dev/null || true
    fi
  done
  for inner in proc sys dev; do
    mountpoint -q "$tree/$inner" && { mount --make-rslave "$tree/$inner"; umount -R "$tree/$inner"; }
  done
  rm -rf --one-file-system -- "$tree"
}

make_tree() {
  local codename=$1 tree=$2 mirror
  # The mirror that this machine's own apt uses.
  mirror=$(grep -rhoE 'https?://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1 | tr -d ' ')
  if command -v debootstrap >/dev/null && ! command -v mmdebstrap >/dev/null; then
    debootstrap --variant=minbase "$codename" "$tree" ${mirror:+"$mirror"}
  else
    mmdebstrap --variant=minbase "$codename" "$tree" ${mirror:+"$mirror"}
  fi
}

# What makes the tree, installed where neither program is there.
need_bootstrap() {
  command -v mmdebstrap >/dev/null || command -v debootstrap >/dev/null && return
  apt_quiet update && apt_quiet install -y --no-install-recommends mmdebstrap
}

hf_fresh() {
  local codename=${1:-} tree code=0 total=$SECONDS
  case $codename in bookworm | trixie) ;; *) fail "./dev fresh needs 'bookworm' or 'trixie'" 2 ;; esac
  [ "$(id -u)" = 0 ] || fail "./dev fresh makes a chroot, which needs root" 6
  tree=$(mktemp -d "${TMPDIR:-/var/tmp}/holdfast-fresh.XXXXXX")
  # shellcheck disable=SC2064 # this tree, not a later one
  trap "leave_tree '$tree'" EXIT
  step fresh-tool "mmdebstrap, which makes bare trees" need_bootstrap || return
  step "fresh-$codename" "a bare $codename (network)" make_tree "$codename" "$tree" || return
  printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
  chmod +x "$tree/usr/sbin/policy-rc.d"
  cp /etc/resolv.conf "$tree/etc/resolv.conf"
  mount --rbind /proc "$tree/proc" && mount --rbind /sys "$tree/sys" && mount --rbind /dev "$tree/dev"
  git clone -q "$HF_ROOT" "$tree/holdfast"
  typing >"$tree/typing.sh"
  typed_lines >"$tree/typed.txt"
  chroot "$tree" env -i HOME=/tmp PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 NO_COLOR=1 \
    bash -c 'bash /typing.sh 3</typed.txt' </dev/null || code=$?
  printf '\n[%s: all of it %s s, code %s]\n' "$codename" "$((SECONDS - total))" "$code"
  leave_tree "$tree"
  trap - EXIT
  return "$code"
}
