/** The two scripts that root runs on a helper: the guard before sshd in every boot, the preparation once, at the end. */
import { isIPv4 } from 'node:net';
import { places, users } from './cloud-init-places.ts';

export const path = 'export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** While it is there, Debian and Ubuntu do not start sshd. */
export const sshdSwitch = '/etc/ssh/sshd_not_to_be_run';
/** Answers every process of the machine with its user data, the private host key included, unless it is closed. */
const metadataAddress = '169.254.169.254';

interface Guard {
  readonly deadlineSeconds: number;
  /** The same in seconds from now, for a machine whose clock is wrong. */
  readonly lifeSeconds: number;
  readonly sshFromAddresses: readonly string[];
}

/**
 * Shuts sshd out first and lets it in last, so that a machine whose guard fails is never reachable: it is then destroyed for not
 * booting. An image without nftables is closed by a route until the
 * preparation has installed it.
 */
export function guardScript(guard: Guard): string {
  return `set -eu
${path}
umask 022
mkdir -p /etc/ssh /etc/patchgit
: > ${sshdSwitch}
cat > ${places.firewall} <<'END'
${firewall(guard.sshFromAddresses)}END
if command -v nft > /dev/null; then nft -f ${places.firewall}
else ip route replace prohibit ${metadataAddress}/32; fi
[ "$(date +%s)" -lt ${guard.deadlineSeconds} ] || exec systemctl --no-block --force poweroff
mkdir -p /run/systemd/system
cat > /run/systemd/system/patchgit-deadline.timer <<'END'
[Unit]
DefaultDependencies=no
[Timer]
AccuracySec=1s
OnCalendar=@${guard.deadlineSeconds}
OnActiveSec=${guard.lifeSeconds}
END
cat > /run/systemd/system/patchgit-deadline.service <<'END'
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=systemctl --force poweroff
END
systemctl daemon-reload
# This runs before the boot is done, and whoever waits for it waits for ever.
systemctl --no-block start patchgit-deadline.timer
rm ${sshdSwitch}
`;
}

/**
 * What does not lead to the internet, or not to where its number says (RFC 6890 and the registries of IANA that follow it). The door
 * looks for itself as well; this holds also when its program is wrong.
 */
const notPublic = [
  ['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24'],
  ['192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ['224.0.0.0/3'],
].flat();
/** Inside 2000::/3: Teredo and other protocols, documentation, and numbers that hold one of version 4. */
const notPublic6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20'];

/**
 * A table of our own, made anew each time; tables of others stay. The run user has no loopback either: a resolver listens there that would
 * carry names, and what is written in them, to the outside. A user's number outside counts, whoever it is in a namespace.
 */
function firewall(sshFromAddresses: readonly string[]): string {
  const from = (family: string, list: readonly string[]): string =>
    list.length === 0 ? '' : `    ${family} saddr { ${list.join(', ')} } tcp dport 22 accept\n`;
  const ssh =
    sshFromAddresses.length === 0
      ? '    tcp dport 22 accept\n'
      : from('ip', sshFromAddresses.filter(isIPv4)) +
        from(
          'ip6',
          sshFromAddresses.filter((address) => !isIPv4(address)),
        );
  return `table inet patchgit
delete table inet patchgit
table inet patchgit {
  chain input {
    type filter hook input priority filter; policy drop;
    iif lo accept
    ct state established,related accept
    meta l4proto ipv6-icmp accept
    icmp type { echo-request, destination-unreachable } accept
${ssh}  }
  chain output {
    type filter hook output priority filter; policy accept;
    ip daddr 169.254.0.0/16 meta skuid != 0 reject
    meta skuid ${users.run.uid} reject
    meta skuid ${users.door.uid} jump door
  }
  chain door {
    oif lo meta l4proto { tcp, udp } th dport 53 accept
    ip daddr { ${notPublic.join(', ')} } reject
    ip6 daddr != 2000::/3 reject
    ip6 daddr { ${notPublic6.join(', ')} } reject
    meta l4proto { tcp, udp } th dport 53 accept
    tcp dport 443 accept
    reject
  }
}
`;
}

/** Program, and the package that Debian and Ubuntu have it in. Checks of a plain image get the distribution's Node and npm. */
const programs = [
  ['bwrap', 'bubblewrap'],
  ['git', 'git'],
  ['tar', 'tar'],
  ['nft', 'nftables'],
  ['runuser', 'util-linux'],
  ['node', 'nodejs'],
  ['npm', 'npm'],
] as const;

/** What sshd must say about itself, in the words of \`sshd -T\`, before the machine is ready. */
const sshdPromises = [
  'permitrootlogin no',
  'passwordauthentication no',
  'kbdinteractiveauthentication no',
  'allowagentforwarding no',
  'allowtcpforwarding local',
  `permitopen 127.0.0.1:${places.modelPort}`,
  `allowusers ${users.login.name}`,
  `authorizedkeysfile ${places.authorizedKeys}`,
] as const;

const usersAndFolders = `step='The users of a helper are not as they must be.'
${Object.values(users)
  .map(({ name, uid }) => `[ "$(id -u ${name})" = ${uid} ]`)
  .join('\n')}
install -d -o ${users.login.name} -g ${users.login.name} -m 755 ${places.home}
install -d -m 755 ${places.trees}
cd ${places.trees}
install -d -o ${users.run.name} -g ${users.run.name} -m 700 trees layers making
cd /
`;

/** Ends with the marker of readiness, or with the marker of failure that says at which step. */
export function prepareScript({
  hostname,
  image,
}: {
  readonly hostname: string;
  readonly image: 'plain' | 'baked';
}): string {
  return `set -eu
${path}
export DEBIAN_FRONTEND=noninteractive
umask 022
mkdir -p /run/patchgit
step='It did not begin.'
trap '[ "$?" = 0 ] || printf "%s\\n" "$step" > ${places.failedMarker}' EXIT

# For the owner to read, also while it goes on or when it fails: root's and the login user's, and nobody else's. Best effort.
chown root:${users.login.name} ${places.bootLog} && chmod 640 ${places.bootLog} || true

step='The programs that a helper needs could not be installed.'
PATH=/opt/patchgit/runtime/bin:$PATH
missing=
${programs.map(([program, name]) => `command -v ${program} > /dev/null || missing="$missing ${name}"`).join('\n')}
if [ -n "$missing" ]; then
  if [ ${image} = baked ] || [ -e ${places.bakedMarker} ]; then step="The baked image lacks$missing."; exit 1; fi
  systemctl stop apt-daily.timer apt-daily-upgrade.timer || true
  apt-get -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 update
  apt-get -o DPkg::Lock::Timeout=120 -o Acquire::Retries=3 install --yes --no-install-recommends $missing ca-certificates
fi
if [ ${image} = baked ] && [ ! -e ${places.bakedMarker} ]; then step='The image is not one that was baked.'; exit 1; fi

step='The Node of this image is older than 18.'
ln -sfn "$(command -v node)" ${places.node}
node -e 'process.exit(parseInt(process.versions.node) >= 18 ? 0 : 1)'

step='The firewall could not be made to stay.'
nft -f ${places.firewall}
printf 'flush ruleset\\ninclude "${places.firewall}"\\n' > /etc/nftables.conf
systemctl --quiet enable nftables.service

${usersAndFolders}
step='sshd is not as it must be.'
mkdir -p /run/sshd
said=$(sshd -T -C user=${users.login.name},host=any,addr=127.0.0.1)
${sshdPromises.map((line) => `printf '%s\\n' "$said" | grep -qx '${line}'`).join('\n')}

# Ubuntu 24.04 forbids user namespaces to programs without a profile of their own; the sandbox is made of them.
step='bubblewrap cannot make a sandbox here.'
restricted=/proc/sys/kernel/apparmor_restrict_unprivileged_userns
if [ -e $restricted ] && [ "$(cat $restricted)" != 0 ]; then echo 0 > $restricted; fi
runuser -u ${users.run.name} -- bwrap --unshare-all --die-with-parent --ro-bind / / true

# It was left out where it came to its turn before the guard was done.
step='sshd was not let in.'
[ ! -e ${sshdSwitch} ]
systemctl --quiet is-active ssh.socket || systemctl start ssh.service

step='The sockets of the sandbox could not be opened.'
systemctl daemon-reload
for name in run store setup door; do
  [ ! -e /etc/systemd/system/patchgit-$name.socket ] || systemctl start patchgit-$name.socket
done

# The host key itself stays with sshd. Every copy that came with the orders goes, so that no snapshot carries one.
step='The copies of the host key could not be removed.'
rm -rf /var/lib/cloud/seed /run/cloud-init/combined-cloud-config.json /run/cloud-init/instance-data-sensitive.json
for folder in /var/lib/cloud/instances/*/; do
  rm -f "$folder"user-data.txt* "$folder"cloud-config.txt "$folder"obj.pkl "$folder"combined-cloud-config.json
done
if grep -rqF 'OPENSSH PRIVATE KEY' /var/lib/cloud /run/cloud-init /var/log/cloud-init.log; then exit 1; fi

step='The marker of readiness could not be written.'
printf '{"machine":"${hostname}","image":"${image}","node":"%s"}\\n' "$(node --version)" > ${places.readyMarker}.new
mv ${places.readyMarker}.new ${places.readyMarker}
`;
}
