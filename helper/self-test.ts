/** Tries a sandbox with the full argument list, so that `doctor` reports what was seen and not what was hoped for. */
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Assignment } from '#contract/helper-wire.ts';
import type { Answer } from './answer.ts';
import { carryOut } from './assignment.ts';
import type { FrameWriter } from './frames.ts';
import { whatIsMissing } from './host.ts';
import type { Readiness } from './readiness.ts';

/** Prints the first promise that does not hold. Only what every /usr has is used. */
const promises = `
promise() { what=$1; shift; "$@" || { echo "$what"; exit 1; }; }
not() { ! "$@" 2>/dev/null; }
line() { grep -Eq "$1" /proc/self/status; }
promise 'Node does not start in the sandbox.' node --version >/dev/null
promise 'The sandbox has capabilities.' line '^CapEff:[[:space:]]+0+$'
promise 'Programs in the sandbox can gain privileges.' line '^NoNewPrivs:[[:space:]]+1$'
promise 'The system call filter is not on.' line '^Seccomp:[[:space:]]+2$'
promise 'The sandbox can make user namespaces.' not unshare --user true
promise 'The sandbox sees the home of root.' not test -e /root
promise 'The sandbox sees password hashes.' not test -e /etc/shadow
promise 'The sandbox has a network.' not grep -qv -e '|' -e ' lo:' /proc/net/dev
promise 'The root of the sandbox can be written.' not touch /written
promise 'The tree cannot be written.' touch /ws/written
`;

const mebibyte = 1024 * 1024;

/** Sends `ready`, then resolves; not ok with the sentence that says what does not hold. */
export async function selfTest(readiness: Readiness, frames: FrameWriter, signal: AbortSignal): Promise<Answer<null>> {
  const { host } = readiness;
  const lower = mkdtempSync(join(tmpdir(), 'patchgit-inspect-'));
  try {
    if (host.asRoot) chownSync(lower, host.runUser.uid, host.runUser.gid);
    const answer = await carryOut(selfTestAssignment(lower), readiness, whatIsMissing(host), frames, signal);
    if (!answer.ok) return answer;
    const [outcome] = answer.value;
    if (outcome?.exitCode === 0) return { ok: true, value: null };
    const printed = Buffer.from(outcome?.logBase64 ?? '', 'base64')
      .toString('utf8')
      .trim();
    return { ok: false, why: `The sandbox does not keep its promises: ${printed || JSON.stringify(outcome)}` };
  } finally {
    rmSync(lower, { recursive: true, force: true });
  }
}

/** Runs the promises on the tree `lower`. */
export function selfTestAssignment(lower: string): Assignment {
  return {
    type: 'assignment',
    protocol: 1,
    workspace: { lower, delta: null, remove: [] },
    steps: [{ name: 'self-test', command: promises, reports: [] }],
    limits: {
      wallMs: 20_000,
      cpuPercent: 100,
      memoryBytes: 256 * mebibyte,
      processes: 64,
      diskBytes: 16 * mebibyte,
      tmpBytes: 16 * mebibyte,
      logBytes: 16 * 1024,
      outputBytes: mebibyte,
    },
  };
}
