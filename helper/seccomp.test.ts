import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { isKnownArchitecture, judgedCalls, refusedCalls, seccompProgram } from './seccomp.ts';
import type { Architecture } from './seccomp.ts';

const allow = 0x7fff_0000;
const kill = 0x8000_0000;
const permission = 0x0005_0001;
const notImplemented = 0x0005_0026;
const noSuchFamily = 0x0005_0061;
const auditArch: Record<Architecture, number> = { x64: 0xc000_003e, arm64: 0xc000_00b7 };
const architectures: Architecture[] = ['x64', 'arm64'];

/** What the kernel would answer: classic BPF, the five instructions that the program uses. */
function run(program: Buffer, nr: number, arch: number, args: readonly bigint[] = []): number {
  const call = Buffer.alloc(64);
  call.writeUInt32LE(nr, 0);
  call.writeUInt32LE(arch, 4);
  args.forEach((value, index) => call.writeBigUInt64LE(value, 16 + 8 * index));
  let loaded = 0;
  for (let at = 0; at < program.length; at += 8) {
    const k = program.readUInt32LE(at + 4);
    const code = program.readUInt16LE(at);
    if (code === 0x06) return k;
    if (code === 0x20) loaded = call.readUInt32LE(k);
    else {
      const holds = code === 0x15 ? loaded === k : code === 0x35 ? loaded >= k : (loaded & k) !== 0;
      expect([0x15, 0x35, 0x45]).toContain(code);
      at += 8 * program.readUInt8(at + (holds ? 2 : 3));
    }
  }
  throw new Error('The program ran past its end.');
}

describe.each(architectures)('the call filter on %s', (architecture) => {
  const program = seccompProgram(architecture);
  const arch = auditArch[architecture];
  const column = architecture === 'x64' ? 0 : 1;
  const answer = (nr: number, ...args: bigint[]): number => run(program, nr, arch, args);

  it('refuses every call of its list and lets every other pass', () => {
    const refused = new Set<number>();
    for (const numbers of Object.values(refusedCalls)) {
      const nr = numbers[column];
      if (nr !== null) refused.add(nr);
    }
    const judged = new Set<number>(Object.values(judgedCalls).map((numbers) => numbers[column]));
    for (let nr = 0; nr < 512; nr += 1) {
      if (!judged.has(nr)) expect([nr, answer(nr)]).toEqual([nr, refused.has(nr) ? permission : allow]);
    }
  });

  it('ends a process that calls in the manner of another architecture', () => {
    for (const other of [0x4000_0003, 0xc000_003e, 0xc000_00b7, 0x4000_0028]) {
      if (other !== arch) expect(run(program, 1, other)).toBe(kill);
    }
    if (architecture !== 'x64') return;
    expect(answer(0x4000_0000)).toBe(kill);
    expect(answer(0x4000_0000 + 521)).toBe(kill);
    expect([511, 512, 547, 548].map((nr) => answer(nr))).toEqual([allow, kill, kill, allow]);
  });

  it('lets processes and threads be made, and no namespace', () => {
    const clone = judgedCalls.clone[column];
    expect(answer(clone, 17n)).toBe(allow);
    expect(answer(clone, 0x003d_0f00n)).toBe(allow);
    for (const flag of [
      0x0002_0000n,
      0x0200_0000n,
      0x0400_0000n,
      0x0800_0000n,
      0x1000_0000n,
      0x2000_0000n,
      0x4000_0000n,
    ]) {
      expect(answer(clone, flag | 17n)).toBe(permission);
    }
    expect(answer(judgedCalls.clone3[column])).toBe(notImplemented);
  });

  it('refuses to type into a terminal, also with high bits set that the kernel would ignore', () => {
    const ioctl = judgedCalls.ioctl[column];
    expect([0x5412n, 0x541cn, 0xffff_ffff_0000_5412n].map((request) => answer(ioctl, 0n, request))).toEqual([
      permission,
      permission,
      permission,
    ]);
    expect(answer(ioctl, 0n, 0x5401n)).toBe(allow);
  });

  it('knows the families unix, inet, inet6 and netlink, and no other', () => {
    for (const name of ['socket', 'socketpair'] as const) {
      const known = Array.from({ length: 50 }, (_, family) => family).filter(
        (family) => answer(judgedCalls[name][column], BigInt(family)) === allow,
      );
      expect(known).toEqual([1, 2, 10, 16]);
      expect(answer(judgedCalls[name][column], 40n)).toBe(noSuchFamily);
    }
  });
});

const headers = { x64: '/usr/include/x86_64-linux-gnu/asm/unistd_64.h', arm64: '/usr/include/asm-generic/unistd.h' };

describe.skipIf(!existsSync(headers.x64) || !existsSync(headers.arm64))('the numbers of calls', () => {
  it('are those of the kernel headers of this machine', () => {
    for (const architecture of architectures) {
      const text = readFileSync(headers[architecture], 'utf8');
      for (const [name, numbers] of Object.entries({ ...refusedCalls, ...judgedCalls })) {
        const found = new RegExp(`#define __NR_${name} (\\d+)`).exec(text)?.[1];
        const ours = numbers[architecture === 'x64' ? 0 : 1];
        if (found !== undefined) expect([name, ours]).toEqual([name, Number(found)]);
      }
    }
  });
});

it('has a filter for the machine that runs these tests', () => {
  expect(isKnownArchitecture(process.arch)).toBe(true);
});
