/** The script that makes an image of a helper: installs, forgets everything that was this one machine's, and switches it off. */
import type { BakedOllama } from '#contract/budget.ts';
import { places } from './cloud-init-places.ts';
import { path, sshdSwitch } from './cloud-init-scripts.ts';

export interface BakeOrders {
  /** Names of the distribution's packages. */
  readonly packages: readonly string[];
  readonly ollama: BakedOllama | null;
}

/** While it is there, Debian and Ubuntu start no service that is being installed. */
const policy = '/usr/sbin/policy-rc.d';
const goSecondsMax = 600;
const home = '/var/lib/ollama';

/** Only this machine itself can reach it, and of its users not the one who runs what is to be proved (its firewall). */
const ollamaUnit = `[Unit]
Description=patchgit: a model on the loopback
After=network-online.target

[Service]
User=ollama
Group=ollama
ExecStart=/opt/ollama/bin/ollama serve
Environment=OLLAMA_HOST=127.0.0.1:${places.modelPort} OLLAMA_MODELS=${home}/models OLLAMA_KEEP_ALIVE=-1 HOME=${home}
MemoryMax=85%
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ReadWritePaths=${home}
Restart=on-failure

[Install]
WantedBy=multi-user.target
`;

/**
 * Runs as root in a unit of its own, so that cloud-init has nothing left to write when its state is removed. The marker of a baked image is
 * written when all that was to be forgotten is: an image that has it is clean. The machine is switched off only then.
 */
export function bakeScript({ packages, ollama }: BakeOrders): string {
  return `set -eu
${path}
export DEBIAN_FRONTEND=noninteractive
umask 022
step='The image was not begun.'
trap '[ "$?" = 0 ] || printf "%s\\n" "$step" > ${places.failedMarker}' EXIT

# Who ordered it is connected by then, and hears of what goes wrong.
step='Nobody came for the image.'
seconds=0
until [ -e ${places.bakeGo} ]; do
  [ "$seconds" -lt ${goSecondsMax} ]
  seconds=$((seconds + 1))
  sleep 1
done
rm ${places.bakeGo}
step='cloud-init did not come to its end.'
# 2 is done with warnings, as with users that the image had already.
code=0
cloud-init status --wait > /dev/null || code=$?
[ "$code" = 0 ] || [ "$code" = 2 ]
${packages.length === 0 ? '' : installScript(packages)}${ollama === null ? '' : ollamaScript(ollama)}
${forgetScript}
`;
}

function installScript(packages: readonly string[]): string {
  return `
step='The packages of the image could not be installed.'
printf 'exit 101\\n' > ${policy}
chmod 755 ${policy}
apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 update
apt-get -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 install --yes --no-install-recommends ${packages.join(' ')}
rm ${policy}
`;
}

/** The program is compared before a byte of it is unpacked. The model is data, which Ollama compares with its manifest. */
function ollamaScript({ url, sha256, model }: BakedOllama): string {
  return `
step='The program for the model could not be fetched, or is not the one that budget.json names.'
command -v curl > /dev/null || apt-get install --yes --no-install-recommends curl ca-certificates
command -v zstd > /dev/null || apt-get install --yes --no-install-recommends zstd xz-utils
fetched=$(mktemp -d)
cd "$fetched"
curl --fail --silent --show-error --location --proto =https --proto-redir =https --max-filesize 4000000000 --output archive '${url}'
printf '%s  archive\\n' ${sha256} | sha256sum --check --status
rm -rf /opt/ollama
mkdir /opt/ollama
tar -x -f archive -C /opt/ollama --no-same-owner
cd /
rm -rf "$fetched"
step='The model could not be fetched.'
id -u ollama > /dev/null 2>&1 || useradd --system --home-dir ${home} --shell /usr/sbin/nologin ollama
install -d -o ollama -g ollama -m 755 ${home}
cat > /etc/systemd/system/ollama.service <<'END'
${ollamaUnit}END
systemctl daemon-reload
systemctl --quiet enable --now ollama.service
seconds=0
until OLLAMA_HOST=127.0.0.1:${places.modelPort} HOME=${home} /opt/ollama/bin/ollama list > /dev/null 2>&1; do
  [ "$seconds" -lt 60 ]
  seconds=$((seconds + 1))
  sleep 1
done
OLLAMA_HOST=127.0.0.1:${places.modelPort} HOME=${home} /opt/ollama/bin/ollama pull '${model}'
systemctl stop ollama.service
`;
}

/** sshd stays shut until the guard of the next machine has let it in, and the firewall of this one stands until then. */
const forgetScript = `
step='What this one machine had could not be removed.'
: > ${sshdSwitch}
rm -f /etc/ssh/ssh_host_* ${places.authorizedKeys} /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys
rm -f ${places.helperProgram} ${places.storeProgram} ${places.prepare} ${places.bake} ${places.doorDigest}
rm -rf ${places.trees}/trees ${places.trees}/layers ${places.trees}/making
apt-get clean || true
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /tmp/* /var/tmp/* /root/.bash_history /root/.cache
cloud-init clean --logs
rm -rf /var/lib/cloud/* /run/cloud-init/*
rm -rf /var/log/journal/* /var/log/cloud-init* /var/log/auth.log /var/log/syslog /var/log/apt/* /var/lib/dhcp/*
rm -f /var/lib/systemd/random-seed /var/lib/dbus/machine-id
: > /etc/machine-id
if grep -rqsF 'OPENSSH PRIVATE KEY' /etc /var/lib /root /home; then exit 1; fi

step='The machine could not be switched off.'
mkdir -p /etc/patchgit
printf 'baked\\n' > ${places.bakedMarker}
sync
systemctl --no-block poweroff
`;

/** Starts it and does not wait: cloud-init itself has to come to its end first. */
export const bakeCommand = [
  'sh',
  '-c',
  `[ -e ${places.readyMarker} ] && exec systemd-run --no-block --quiet --unit=patchgit-bake sh ${places.bake}`,
];
