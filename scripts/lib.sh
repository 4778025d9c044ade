# shellcheck shell=bash
# What the other scripts share. Source it; it runs nothing.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034 # for those who source this
tools=${BONDED_TOOLS:-$root/.tools}

say() { printf '==> %s\n' "$*"; }
complain() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
have() { command -v "$1" >/dev/null 2>&1; }

# retry COMMAND... runs it up to four times: registries and mirrors have bad
# moments, and one of them must not cost a whole run.
retry() {
  local try
  for try in 1 2 3 4; do
    "$@" && return 0
    [ "$try" = 4 ] && break
    complain "try $try of 4 did not work: $*"
    sleep $((try * 3))
  done
  complain "gave up: $*"
  return 1
}

# required NAME: does REQUIRE, a list with commas, name it?
required() {
  case ",${REQUIRE:-}," in
  *",$1,"*) return 0 ;;
  *) return 1 ;;
  esac
}

# unchanged STAMP TEXT: was TEXT the last thing written to STAMP? So that an
# installation is repeated when its pins change, and only then.
unchanged() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }

# digest FILE...: one digest of all of them, with the tools that every Unix has.
digest() { cat "$@" | git hash-object --stdin; }

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif have sudo; then
    sudo "$@"
  else
    complain "needs root or sudo: $*"
    return 1
  fi
}

# debian PACKAGE... installs Debian packages. Servers among them are not
# started: the tests start their own, on ports and folders of their own.
debian() {
  if ! have apt-get; then
    complain "no apt-get on this machine; install by hand: $*"
    return 1
  fi
  say "apt-get install $*"
  local policy=/usr/sbin/policy-rc.d placed=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null || return 1
    as_root chmod +x "$policy"
    placed=yes
  fi
  local status=0
  retry as_root apt-get update -q &&
    retry as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -q -y --no-install-recommends "$@" || status=1
  [ -z "$placed" ] || as_root rm -f "$policy"
  return "$status"
}
