#!/bin/sh
# Makes a fresh Debian 12 or 13 or Ubuntu 24.04 machine an installation of patchgit, or brings one up to date. Everything it does
# is skipped when it is done already, so it can be run again at any time, also after it was stopped in the middle.
# `--help` says what it does and takes.
# shellcheck disable=SC2034 # what is set here is for the parts as well
set -eu
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1

place=/opt/patchgit
releases=/opt/patchgit-releases
data=/var/lib/patchgit
settings=/etc/patchgit
units=/etc/systemd/system
source=$(cd "$(dirname "$0")/.." && pwd -P)

usage() {
  cat <<'END'
Usage: sudo scripts/provision.sh [--check] [--firewall] [--local-repositories] [--token NAME=FILE]...

Installs patchgit on this machine for one owner, or brings it up to date. It can be run again at any time.

  --check                 says what it would do, and does nothing
  --firewall              lets in only SSH; without it the firewall is left as it is
  --local-repositories    makes /srv/git, for repositories on this machine that GO pushes to
  --token NAME=FILE       a token, read from a file (or from standard input: NAME=-) and kept where only root can read it:
                            digitalocean   rents helpers
                            sweep          a second one that may only read and destroy: for the sweep of forgotten helpers
                            github         opens pull requests on GitHub: for patchgit-push, the daemon never has it

What it does: installs what is missing of git, bubblewrap, util-linux, ca-certificates and libatomic1; makes the users patchgit
(the daemon), patchgit-run (runs checks, has no secret) and patchgit-push (holds the token of GitHub); puts the program at
/opt/patchgit, owned by root, and builds it; makes the data folder /var/lib/patchgit; makes a swap file where there is little
memory and none; installs and starts the units in systemd/; waits until the daemon answers, and says how to reach it. Nothing
listens on a public address.
END
}

say() { printf '%s\n' "$*"; }
fail() {
  printf '%s\n' "$*" >&2
  exit 1
}
usage_error() {
  printf '%s\n' "$*" 'Try: scripts/provision.sh --help' >&2
  exit 2
}

# True when it shall be done; with --check it is only said.
changes=0
change() {
  changes=$((changes + 1))
  if [ "$check" = yes ]; then
    say "Would $1."
    return 1
  fi
  say "Next: $1."
}

# Runs a command without its chatter; when it fails, its last lines and what to do about it are all there is to read.
must() {
  advice=$1
  shift
  if ! "$@" </dev/null >"$work/said" 2>&1; then
    tail -n 20 "$work/said" >&2
    fail "$advice"
  fi
}

main() {
  check=no firewall=no local_repositories=no
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' HUP INT TERM
  read_words "$@"
  look_at_machine
  install_packages
  make_users
  make_swap
  allow_namespaces
  install_npm
  limit_journal
  keep_tokens
  install_program
  make_folders
  install_units
  raise_firewall
  start_units
  say_the_end
}

read_words() {
  while [ $# -gt 0 ]; do
    case $1 in
      --help | -h)
        usage
        exit 0
        ;;
      --check) check=yes ;;
      --firewall) firewall=yes ;;
      --local-repositories) local_repositories=yes ;;
      --token)
        [ $# -ge 2 ] || usage_error '--token needs NAME=FILE.'
        read_token "$2"
        shift
        ;;
      --token=*) read_token "${1#--token=}" ;;
      *) usage_error "There is no option \"$1\"." ;;
    esac
    shift
  done
}

look_at_machine() {
  [ "$(id -u)" = 0 ] || fail 'Only root can do this: run it with sudo.'
  [ -d /run/systemd/system ] || fail 'This machine is not run by systemd, which starts patchgit and holds its walls.'
  [ "$(uname -m)" = x86_64 ] || fail "This machine is $(uname -m); patchgit is provisioned on x86_64 only."
  exec 9>/run/patchgit-provision.lock
  flock -n 9 || fail 'This is being done already, by somebody else: wait for it.'
  # shellcheck disable=SC1091 # it is the machine's
  system=$(. /etc/os-release && printf '%s %s' "${ID:-unknown}" "${VERSION_ID:-}")
  case $system in
    'debian 12' | 'debian 13' | 'ubuntu 24.04') ;;
    *) say "The system is $system, and this is written for Debian 12 and 13 and Ubuntu 24.04: going on." ;;
  esac
}

# Copies a file to its place unless the same is there; true when it did. Never half of it, whatever happens meanwhile.
put() {
  if cmp -s "$1" "$2" && [ "$(stat -c %a "$2")" = "$3" ] && [ "$(stat -c %u "$2")" = 0 ]; then return 1; fi
  change "$4" || return 1
  if ! { mkdir -p "${2%/*}" && (umask 077 && cp "$1" "$2.new") && chmod "$3" "$2.new" && mv -f "$2.new" "$2"; }; then
    fail "$2 could not be written: is the disk full?"
  fi
}

for part in machine program service; do
  # shellcheck disable=SC1090 # they lie beside this
  . "$source/scripts/provision/$part.sh"
done
main "$@"
