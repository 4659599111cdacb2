# shellcheck shell=sh disable=SC2154 # words that scripts/provision.sh has set
# Settings, units, and the daemon that they start. Read by scripts/provision.sh.

push_socket=/run/patchgit-push/push.sock

# Tokens go from file to file by what is built into the shell: a command line is for everybody to read.
read_token() {
  name=${1%%=*} file=${1#*=}
  case $name in
    digitalocean | sweep | github) ;;
    *) usage_error "There is no token \"$name\": it is digitalocean, sweep or github." ;;
  esac
  case $1 in *=?*) ;; *) usage_error '--token needs NAME=FILE: a token itself is never an argument.' ;; esac
  token=
  if [ "$file" = - ]; then
    IFS= read -r token || [ -n "$token" ] || fail "There is no token on standard input for $name."
  else
    [ -r "$file" ] || fail "The file $file with the token $name cannot be read."
    IFS= read -r token <"$file" || [ -n "$token" ] || fail "The file $file holds no token."
  fi
  # Anything else would mean something to systemd, which reads the file that it is kept in.
  case $token in
    *[!A-Za-z0-9_.~+/=-]* | '') fail "What $file holds is no token: letters, digits and _ . ~ + / = - in the first line." ;;
  esac
  (umask 077 && printf '%s\n' "$token" >"$work/token-$name")
}

keep_tokens() {
  if [ ! -d "$settings" ] && change "make the folder $settings for the settings"; then mkdir -m 755 "$settings"; fi
  (umask 077 && printf '# Settings of the daemon, NAME=value; for root alone, because tokens are among them.\n' >"$work/environment")
  if [ -e "$settings/environment" ]; then cat "$settings/environment" >"$work/environment"; fi
  if [ -e "$work/token-digitalocean" ]; then
    IFS= read -r token <"$work/token-digitalocean"
    set_in_environment DIGITALOCEAN_TOKEN "$token"
  fi
  part_with_github_token
  # Before the daemon's settings lose it: stopped in between, it is there twice, and not lost.
  keep_for_root token-github github-token 'the token of GitHub' 'give the token of GitHub to patchgit-push alone'
  put "$work/environment" "$settings/environment" 600 "keep the settings of the daemon in $settings/environment, for root alone" || :
  keep_for_root token-sweep sweep-token 'the token of the sweep' 'keep the token of the sweep, for root alone'
  grep -E '^(GITHUB_(API|GIT)_URL|NODE_EXTRA_CA_CERTS)=' "$work/environment" >"$work/push" || :
  if [ -s "$work/push" ] || [ -e "$settings/push.environment" ]; then
    put "$work/push" "$settings/push.environment" 600 'tell patchgit-push where GitHub is' || :
  fi
}

# A personal token is for the user patchgit-push: one that the daemon was given before goes there as well. The key of an App, and
# what this does not understand, stays with the daemon.
part_with_github_token() {
  if grep -q '^GITHUB_APP_ID=.' "$work/environment"; then
    [ ! -e "$work/token-github" ] ||
      fail "$settings/environment names an App of GitHub (GITHUB_APP_ID). Take it out there first, then give the token."
    set_in_environment PATCHGIT_PUSH_SOCKET ''
    return 0
  fi
  if [ ! -e "$work/token-github" ]; then
    while IFS= read -r line || [ -n "$line" ]; do
      case $line in GITHUB_TOKEN=?*) token=${line#*=} ;; *) continue ;; esac
      case $token in
        *[!A-Za-z0-9_.~+/=-]*) ;;
        *) (umask 077 && printf '%s\n' "$token" >"$work/token-github") ;;
      esac
    done <"$work/environment"
  fi
  [ ! -e "$work/token-github" ] || set_in_environment GITHUB_TOKEN ''
  if [ -e "$work/token-github" ] || [ -e "$settings/github-token" ]; then
    set_in_environment PATCHGIT_PUSH_SOCKET "$push_socket"
  else
    set_in_environment PATCHGIT_PUSH_SOCKET ''
  fi
}

# keep_for_root TAKEN NAME WHAT SENTENCE
keep_for_root() {
  if [ -e "$work/$1" ]; then
    put "$work/$1" "$settings/$2" 600 "$4" || :
  elif [ -e "$settings/$2" ] && [ "$(stat -c %u:%a "$settings/$2")" != 0:600 ]; then
    if change "close $3 to everybody but root"; then
      chown root:root "$settings/$2"
      chmod 600 "$settings/$2"
    fi
  fi
}

# set_in_environment NAME VALUE: leaves every other line as it is; without a value the line goes.
set_in_environment() {
  while IFS= read -r line || [ -n "$line" ]; do
    [ "$line" != "$1=$2" ] || return 0
  done <"$work/environment"
  (
    umask 077
    while IFS= read -r line || [ -n "$line" ]; do
      case $line in "$1="*) ;; *) printf '%s\n' "$line" ;; esac
    done <"$work/environment" >"$work/environment.new"
    [ -z "$2" ] || printf '%s=%s\n' "$1" "$2" >>"$work/environment.new"
  )
  mv -f "$work/environment.new" "$work/environment"
}

make_folders() {
  if [ "$(stat -c %U:%a "$data" 2>/dev/null)" != patchgit:700 ] && change "make the data folder $data, closed to everybody else"; then
    install -d -m 700 -o patchgit -g patchgit "$data"
  fi
  [ "$local_repositories" = yes ] || return 0
  if [ "$(stat -c %U:%G:%a /srv/git 2>/dev/null)" != root:patchgit:2775 ] && change 'make /srv/git for repositories on this machine'; then
    install -d -m 2775 -o root -g patchgit /srv/git
  fi
}

install_units() {
  changed=
  for file in "$source"/systemd/*.service "$source"/systemd/*.socket "$source"/systemd/*.timer; do
    name=${file##*/}
    case $name in patchgit-firewall.*) [ "$firewall" = yes ] || [ -e "$units/$name" ] || continue ;; esac
    if put "$file" "$units/$name" 644 "install the unit $name"; then changed="$changed $name"; fi
  done
  [ -n "$changed" ] || return 0
  must 'systemd did not read its units again: see above.' systemctl daemon-reload
  for name in $changed; do
    # Whatever else runs of the old ones ends by itself, or is started again below.
    case $name in
      *.socket | *.timer) must "$name did not start again: see \"systemctl status $name\"." systemctl try-restart "$name" ;;
    esac
  done
}

start_units() {
  start patchgit-run.socket
  start patchgit-give.socket
  start patchgit-apply.socket
  if [ -e "$settings/github-token" ] || [ -e "$work/token-github" ]; then start patchgit-push.socket; fi
  # What the running daemon was started from; another one is started again. A job in the middle of its way goes on afterwards.
  cat "$release/dist/build-id" "$units/patchgit.service" "$settings/environment" \
    "$units/patchgit-push.service" "$settings/github-token" "$settings/push.environment" 2>/dev/null | sha256sum >"$work/in-force"
  printf '%s\n' "$release" >>"$work/in-force"
  if [ "$check" = no ] && systemctl is-active --quiet patchgit && ! cmp -s "$work/in-force" "$settings/.in-force"; then
    if change 'start the daemon again, because what it was started from has changed'; then
      # Its socket starts it again with what holds now.
      must 'patchgit-push could not be stopped: see "systemctl status patchgit-push".' systemctl stop patchgit-push.service
      must 'The daemon did not start again: see "journalctl -u patchgit".' systemctl restart patchgit
    fi
  fi
  start patchgit.service
  [ "$check" = no ] || return 0
  await_daemon
  cmp -s "$work/in-force" "$settings/.in-force" || (umask 077 && cp "$work/in-force" "$settings/.in-force")
  watch_helpers
  forget_releases
}

# Enabled, so that it is there after a restart of the machine, and started.
start() {
  if ! systemctl is-enabled --quiet "$1" 2>/dev/null || ! systemctl is-active --quiet "$1"; then
    if change "start $1, now and with the machine"; then
      must "$1 did not start: see \"systemctl status $1\"." systemctl enable --now "$1"
    fi
  fi
}

await_daemon() {
  export PATCHGIT_HOME="$data"
  seconds=0
  until ask status >"$work/status" 2>/dev/null; do
    seconds=$((seconds + 1))
    if [ "$seconds" -gt 90 ]; then
      journalctl --no-pager --unit=patchgit --lines=15 >&2
      fail 'The daemon does not answer: the lines above are its last ones. Run this again when it is mended.'
    fi
    sleep 1
  done
}

# What the daemon answers, as JSON.
ask() { "$place/node_modules/node/bin/node" "$place/dist/cli.cjs" "$@" --json </dev/null; }

field() { "$place/node_modules/node/bin/node" -p "JSON.parse(require('fs').readFileSync(0, 'utf8'))$1"; }

# The sweep knows no database: the id of this installation is told to it, and the ids of others it shall see to stay.
watch_helpers() {
  id=$(field .installId <"$work/status")
  touch "$work/sweep"
  [ ! -e "$settings/sweep.environment" ] || cat "$settings/sweep.environment" >"$work/sweep"
  installs=$(sed -n 's/^PATCHGIT_INSTALL="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' "$work/sweep" | tail -n 1)
  case " $installs " in
    *" $id "*) ;;
    *)
      sed -i '/^PATCHGIT_INSTALL=/d' "$work/sweep"
      printf 'PATCHGIT_INSTALL="%s"\n' "${installs:+$installs }$id" >>"$work/sweep"
      ;;
  esac
  put "$work/sweep" "$settings/sweep.environment" 600 'tell the sweep whose helpers it destroys' || :
  if [ -e "$settings/sweep-token" ]; then
    start patchgit-sweep.timer
  elif grep -q '^DIGITALOCEAN_TOKEN=.' "$settings/environment"; then
    say 'WARNING: helpers can be rented, and nothing destroys a forgotten one while the daemon is dead. Make a second token that'
    say '  may only read and destroy, and run this again with --token sweep=FILE.'
  fi
}

# The one that runs now and the one before it stay.
forget_releases() {
  if [ -z "$previous" ] || [ ! -d "$releases" ]; then return 0; fi
  find "$releases" -mindepth 1 -maxdepth 1 ! -path "$release" ! -path "$previous" -exec rm -rf {} +
}

say_the_end() {
  if [ "$check" = yes ]; then
    if [ "$changes" -gt 0 ]; then say 'Nothing of this was done.'; else say 'Nothing is to be done.'; fi
    return 0
  fi
  [ "$changes" -gt 0 ] || say 'Nothing was to be done.'
  devices=$(ask device list | field '.filter((device) => device.revokedAtMs === null).length')
  if [ "$devices" = 0 ]; then say_link; fi
  # What is amiss with a far end does not make this machine a wrong one.
  "$place/node_modules/node/bin/node" "$place/dist/cli.cjs" doctor </dev/null >"$work/doctor" 2>&1 || cat "$work/doctor"
  ask doctor >"$work/findings" || :
  amiss=$(field '.findings.filter((each) => each.verdict === "bad" && /^(runtime|sandbox|host|users|disk|ledger)$/.test(each.name)).length' <"$work/findings")
  [ "$amiss" = 0 ] || fail 'The daemon runs, and this machine needs your hand: see above. Then: patchgit doctor'
  say 'patchgit runs, and starts with the machine. "patchgit doctor" says what is good and what is missing.'
}

say_link() {
  ask device add >"$work/link"
  link=$(field .url <"$work/link")
  port=$(field .url <"$work/link" | sed -n 's|^[a-z]*://[^/]*:\([0-9]*\)/.*|\1|p')
  addresses=$(hostname -I 2>/dev/null || :)
  address=${addresses%% *}
  printf '%s\n' '' 'To come in, keep this open on your own computer:' '' \
    "  ssh -N -L ${port:-7171}:127.0.0.1:${port:-7171} root@${address:-ADDRESS-OF-THIS-MACHINE}" '' \
    'and open this one-time link there (a new one: patchgit device add):' '' "  $link" ''
}
