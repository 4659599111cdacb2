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

/** As on the base droplet: one connection is one run of the helper, and only the login user can connect. */
export const runSocket = `[Unit]
Description=patchgit: one sandbox helper for each connection

[Socket]
ListenStream=/run/patchgit-run/helper.sock
SocketUser=${users.login.name}
SocketGroup=${users.login.name}
SocketMode=0600
DirectoryMode=0755
Accept=yes
MaxConnections=4
RemoveOnStop=yes
`;

/** The walls are those of systemd/patchgit-run@.service, for the reasons given there. */
export const runService = `[Unit]
Description=patchgit: a sandbox helper
CollectMode=inactive-or-failed

[Service]
Type=exec
User=${users.run.name}
Group=${users.run.name}
UMask=0077
WorkingDirectory=/
StateDirectory=patchgit-run
StateDirectoryMode=0700
StandardInput=socket
StandardOutput=socket
StandardError=journal
ExecStart=/bin/sh ${places.inOwnGroup} ${places.node} --require ${places.newerPromise} ${places.helperProgram}
KillMode=mixed
TimeoutStopSec=5
RuntimeMaxSec=24h
Delegate=yes
MemoryMax=85%
TasksMax=4096
OOMPolicy=continue
LimitCORE=1
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
InaccessiblePaths=-/etc/patchgit -/run/patchgit-run -/var/lib/cloud -/run/cloud-init -/run/dbus -/run/systemd/resolve
PrivateTmp=yes
PrivateDevices=yes
PrivateIPC=yes
PrivateNetwork=yes
ProtectClock=yes
ProtectKernelModules=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
KeyringMode=private
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
SystemCallArchitectures=native
SystemCallFilter=@system-service @mount sethostname
SystemCallErrorNumber=EPERM
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

/** From the standard streams of an SSH session to the socket. The end of either side is passed on: to the helper it means "stop". */
export const bridge = `const socket = require('node:net').connect('/run/patchgit-run/helper.sock');
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
