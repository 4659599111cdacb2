/** Files that a helper gets word for word: how sshd answers, and how the run user's sandbox is started. */
import { places, users } from './cloud-init-places.ts';

/** The first value that sshd reads for a word wins, and this file is read first. */
export const sshdConfig = `HostKey /etc/ssh/ssh_host_ed25519_key
HostKeyAlgorithms ssh-ed25519
KexAlgorithms curve25519-sha256,curve25519-sha256@libssh.org
Ciphers aes256-gcm@openssh.com,chacha20-poly1305@openssh.com
MACs hmac-sha2-256-etm@openssh.com
PubkeyAcceptedAlgorithms ssh-ed25519
AllowUsers ${users.login.name}
AuthenticationMethods publickey
PubkeyAuthentication yes
PasswordAuthentication no
KbdInteractiveAuthentication no
HostbasedAuthentication no
PermitEmptyPasswords no
PermitRootLogin no
AuthorizedKeysFile ${places.authorizedKeys}
AllowAgentForwarding no
AllowTcpForwarding local
PermitOpen 127.0.0.1:${places.modelPort}
PermitListen none
AllowStreamLocalForwarding no
GatewayPorts no
PermitTunnel no
X11Forwarding no
PermitTTY no
PermitUserEnvironment no
PermitUserRC no
Compression no
MaxAuthTries 2
MaxSessions 8
MaxStartups 8:50:16
LoginGraceTime 15
ClientAliveInterval 15
ClientAliveCountMax 4
PrintMotd no
`;

/** As on the base droplet: one connection is one run, and only the login user can connect. */
function socketOf(what: string, name: string): string {
  return `[Unit]
Description=patchgit: ${what} for each connection

[Socket]
ListenStream=/run/patchgit-run/${name}.sock
SocketUser=${users.login.name}
SocketGroup=${users.login.name}
SocketMode=0600
DirectoryMode=0755
Accept=yes
MaxConnections=4
RemoveOnStop=yes
`;
}

/** What nobody here needs; the reasons are in systemd/patchgit-run@.service. */
const walls = `UMask=0077
WorkingDirectory=/
StandardError=journal
LimitCORE=1
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
PrivateTmp=yes
PrivateDevices=yes
PrivateIPC=yes
ProtectClock=yes
ProtectKernelModules=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
`;
const hidden = '-/etc/patchgit -/run/patchgit-run -/var/lib/cloud -/run/cloud-init -/run/dbus';

/** A helper of the run user; `more` is what tells its kinds apart. */
function sandboxService(more: string): string {
  return `[Unit]
Description=patchgit: a sandbox helper
CollectMode=inactive-or-failed

[Service]
Type=exec
User=${users.run.name}
Group=${users.run.name}
StateDirectory=patchgit-run
StateDirectoryMode=0700
StandardInput=socket
StandardOutput=socket
ExecStart=/bin/sh ${places.inOwnGroup} ${places.node} --require ${places.newerPromise} ${places.helperProgram}
KillMode=mixed
TimeoutStopSec=5
RuntimeMaxSec=24h
Delegate=yes
MemoryMax=85%
TasksMax=4096
OOMPolicy=continue
PrivateNetwork=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallFilter=@system-service @mount sethostname
InaccessiblePaths=${hidden} -/run/systemd/resolve
${more}${walls}`;
}

/** One step of work in the store: with trees and layers, and with nothing that runs a byte of them. */
const storeService = `[Unit]
Description=patchgit: trees and layers
CollectMode=inactive-or-failed

[Service]
Type=exec
User=${users.run.name}
Group=${users.run.name}
StandardInput=socket
StandardOutput=socket
ExecStart=/bin/sh ${places.storeProgram} ${places.trees}
RuntimeMaxSec=1h
TasksMax=64
PrivateNetwork=yes
RestrictAddressFamilies=none
RestrictNamespaces=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
SystemCallFilter=@system-service
ReadWritePaths=${places.trees}
InaccessiblePaths=${hidden} -/run/systemd/resolve -/run/patchgit-door
${walls}`;

/**
 * The group of the run user can connect, and of its services only the one for set-ups is shown the folder. Where the door does not come
 * up, whoever waits is hung up on: else it would be started for them for ever.
 */
const doorSocket = `[Unit]
Description=patchgit: the way of a set-up to package registries

[Socket]
ListenStream=${places.doorSocket}
SocketUser=root
SocketGroup=${users.run.name}
SocketMode=0660
DirectoryMode=0755
TriggerLimitIntervalSec=0
FlushPending=yes
RemoveOnStop=yes
`;

/** It alone has a network, and of that only what the firewall leaves to its user. It is started by the first who connects. */
const doorService = `[Unit]
Description=patchgit: the door to package registries
StartLimitIntervalSec=0

[Service]
Type=exec
User=${users.door.name}
Group=${users.door.name}
RuntimeDirectory=patchgit-door-program
RuntimeDirectoryMode=0700
StandardInput=null
StandardOutput=null
ExecStart=/bin/sh ${places.door}
TimeoutStopSec=5
RuntimeMaxSec=24h
MemoryMax=256M
TasksMax=64
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
SystemCallFilter=@system-service
InaccessiblePaths=-/etc/ssh ${hidden.replace('-/etc/patchgit ', '')} -${places.trees}
${walls}`;

const units = '/etc/systemd/system';
/** Each set-up has a door of its own, whose limits nobody has used up. */
const setUpLines = `ReadWritePaths=${places.trees}/making
ExecStartPre=+systemctl stop patchgit-door.service
`;

/** What is started by a connection, in every helper. Path to content. */
export const sandboxUnits: Readonly<Record<string, string>> = {
  [`${units}/patchgit-run.socket`]: socketOf('one sandbox helper', 'helper'),
  [`${units}/patchgit-run@.service`]: sandboxService('InaccessiblePaths=-/run/patchgit-door\n'),
  [`${units}/patchgit-store.socket`]: socketOf('one step with trees and layers', 'store'),
  [`${units}/patchgit-store@.service`]: storeService,
};

/** The set-up phase: a helper that sees the door and writes where a layer is made, and the door itself. */
export const setUpUnits: Readonly<Record<string, string>> = {
  [`${units}/patchgit-setup.socket`]: socketOf('one set-up', 'set-up'),
  [`${units}/patchgit-setup@.service`]: sandboxService(setUpLines),
  [`${units}/patchgit-door.socket`]: doorSocket,
  [`${units}/patchgit-door.service`]: doorService,
};

/**
 * Takes into use only the program that the orders name: whoever can write it on this machine (the login user, and nobody else) could
 * else have anything run with the door's way out. What is compared is the copy that is then run. Of the hosts that a set-up wants, it
 * gets those that the orders name.
 */
export const door = `set -eu
cd "$RUNTIME_DIRECTORY"
cp ${places.helperProgram} helper.cjs
sha256sum --check --status ${places.doorDigest}
grep -Fx -f ${places.doorHosts} ${places.wantedHosts} > hosts || [ $? = 1 ]
exec ${places.node} --require ${places.newerPromise} "$PWD/helper.cjs" --door --hosts-file "$PWD/hosts" --seconds-max 86400
`;

/** Memory limits are passed on only from a group without processes of its own (systemd/in-own-group.sh says more). */
export const inOwnGroup = `set -eu
group=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
case $group in
  */daemon) ;;
  *)
    if [ -w "$group/cgroup.subtree_control" ]; then
      mkdir -p "$group/daemon"
      echo $$ > "$group/daemon/cgroup.procs"
    fi
    ;;
esac
exec "$@"
`;

/** The helper needs this of Node 22; Debian 12 and Ubuntu 24.04 have 18, Debian 13 has 20. With it, it was seen to work on both. */
export const newerPromise = `Promise.withResolvers ??= function () {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
};
`;

/** From the standard streams of an SSH session to a socket. The end of either side is passed on: to the helper it means "stop". */
export const bridge = `const name = { check: 'helper', 'set-up': 'set-up', store: 'store' }[process.argv[2] ?? 'check'];
const socket = require('node:net').connect(\`/run/patchgit-run/\${name}.sock\`);
let code = 0;
socket.on('error', ({ message }) => {
  process.stderr.write(message + '\\n');
  code = 1;
});
process.stdin.pipe(socket);
socket.pipe(process.stdout, { end: false });
socket.on('close', () => process.stdout.write('', () => process.exit(code)));
process.stdout.on('error', () => process.exit(1));
`;
