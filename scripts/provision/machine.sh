# shellcheck shell=sh disable=SC2154 # words that scripts/provision.sh has set
# What the machine itself needs: packages, users, memory, and what it forbids or lets in. Read by scripts/provision.sh.

install_packages() {
  missing=
  need() { eval "$2" >/dev/null 2>&1 || missing="$missing $1"; }
  need git 'command -v git'
  need bubblewrap 'command -v bwrap'
  need util-linux 'command -v setpriv && command -v prlimit && command -v unshare'
  need passwd 'command -v useradd && command -v usermod'
  need ca-certificates '[ -s /etc/ssl/certs/ca-certificates.crt ]'
  # The pinned Node is linked against it, and a minimal Debian has it not.
  need libatomic1 'ls /usr/lib/*/libatomic.so.1'
  [ "$firewall" = no ] || need nftables 'command -v nft'
  [ "$(restriction)" = 0 ] || need apparmor 'command -v apparmor_parser'
  [ -n "$missing" ] || return 0
  if change "install the packages$missing"; then
    # A machine that was made a minute ago is still installing by itself. How that ends is not for here.
    if command -v cloud-init >/dev/null; then cloud-init status --wait >/dev/null 2>&1 || :; fi
    must 'The list of packages could not be fetched: look at the network and at /etc/apt, then run this again.' \
      apt-get update -q
    # shellcheck disable=SC2086 # words
    must "Install them by hand, then run this again: apt-get install$missing" \
      apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=300 $missing
  fi
}

make_users() {
  for user in patchgit patchgit-run patchgit-push; do
    if number=$(id -u "$user" 2>/dev/null); then
      [ "$number" != 0 ] || fail "The user $user is root here: give it another number, then run this again."
    elif change "make the user $user"; then
      must "The user $user could not be made: see the lines above, then run this again." \
        useradd --system --user-group --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin "$user"
    fi
  done
}

# Installing and building need more than the smallest droplets have.
make_swap() {
  kibibytes=$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)
  [ "$kibibytes" -lt 1500000 ] || return 0
  [ "$(wc -l </proc/swaps)" -le 1 ] || return 0
  if systemd-detect-virt --quiet --container; then
    say 'There is little memory and no swap, and a container cannot make any: building may fail.'
    return 0
  fi
  if change 'make a swap file of 1 GiB at /swapfile, used from now on and after a restart'; then
    rm -f /swapfile
    # Written in full: a file with holes is no swap.
    (umask 077 && must 'There is no room for a swap file: free 1 GiB, then run this again.' \
      dd if=/dev/zero of=/swapfile bs=1M count=1024)
    must 'The swap file could not be made: see above.' mkswap /swapfile
    must 'The swap file could not be used: see above.' swapon /swapfile
    grep -q '^/swapfile ' /etc/fstab || printf '/swapfile none swap sw 0 0\n' >>/etc/fstab
  fi
}

# 1 where Ubuntu leaves user namespaces to programs with a profile that allows them.
restriction() { cat /proc/sys/kernel/apparmor_restrict_unprivileged_userns 2>/dev/null || printf 0; }

# The profile is attached to no program: only the unit that names it gets it (AppArmorProfile=), so that nobody else on the
# machine may make namespaces who might not before.
allow_namespaces() {
  [ "$(restriction)" != 0 ] || return 0
  cat >"$work/profile" <<'END'
# For systemd/patchgit-run@.service: bubblewrap makes the sandbox in a user namespace. Attached to no program.
abi <abi/4.0>,
include <tunables/global>
profile patchgit-sandbox flags=(unconfined) {
  userns,
}
END
  if put "$work/profile" /etc/apparmor.d/patchgit-sandbox 644 'allow the user namespaces of the sandbox, by an AppArmor profile for its unit alone'; then
    must 'AppArmor did not take the profile /etc/apparmor.d/patchgit-sandbox: see above.' \
      apparmor_parser --replace /etc/apparmor.d/patchgit-sandbox
  fi
}

limit_journal() {
  cat >"$work/journal" <<'END'
# A small disk: what is needed to understand yesterday, and no more.
[Journal]
SystemMaxUse=200M
END
  if put "$work/journal" /etc/systemd/journald.conf.d/patchgit.conf 644 'limit the journal to 200 MB'; then
    must 'The journal could not be started again: see "systemctl status systemd-journald".' \
      systemctl restart systemd-journald
  fi
}

raise_firewall() {
  if [ "$firewall" = no ]; then
    [ -e "$settings/firewall.nft" ] ||
      say 'The firewall is left as it is. Nothing of patchgit listens on a public address; --firewall lets in only SSH.'
    return 0
  fi
  # Where sshd really listens, or the owner would be locked out.
  ports=$({
    sshd -T 2>/dev/null | sed -n 's/^port //p'
    systemctl show --value --property=Listen ssh.socket 2>/dev/null | sed -n 's/.*:\([0-9]*\) (Stream)$/\1/p'
    printf '%s\n' "${SSH_CONNECTION:-}" | sed 's/.* //'
  } | grep -Ex '[0-9]+' | sort -un | paste -sd , -)
  cat >"$work/firewall" <<END
# Written by scripts/provision.sh --firewall: only SSH comes in. A table of its own, beside whatever else there is.
table inet patchgit
delete table inet patchgit
table inet patchgit {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iifname "lo" accept
    meta l4proto { icmp, ipv6-icmp } accept
    udp sport { 67, 547 } udp dport { 68, 546 } accept
    tcp dport { ${ports:-22} } accept
  }
}
END
  if put "$work/firewall" "$settings/firewall.nft" 600 "let in only SSH (port ${ports:-22})"; then
    must 'The firewall was not taken: see above.' nft --check --file "$settings/firewall.nft"
    must 'The firewall could not be raised: see "systemctl status patchgit-firewall".' systemctl restart patchgit-firewall
  fi
  start patchgit-firewall.service
}
