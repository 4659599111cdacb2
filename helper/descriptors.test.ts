import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { expect, it } from 'vitest';

it('closes what was left open by whoever started the process, and keeps what Node itself needs', () => {
  const module = new URL('descriptors.ts', import.meta.url).pathname;
  const script = `
    const { closeInheritedDescriptors } = await import(${JSON.stringify(module)});
    const { spawnSync } = await import('node:child_process');
    const list = () => spawnSync('/bin/sh', ['-c', 'ls /proc/$$/fd'], { encoding: 'utf8' }).stdout.trim().split(/\\s+/);
    const before = list();
    closeInheritedDescriptors();
    console.log(JSON.stringify([before, list()]));`;
  // Node itself marks the lowest ones up to the first gap; the others would be open in every process it starts.
  const left = openSync('/dev/null', 'r');
  const stdio = Array.from({ length: 61 }, (_, index) => (index < 3 ? 'pipe' : index < 60 ? 'ignore' : left));
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { stdio, encoding: 'utf8' });
  closeSync(left);
  const [before, after]: [string[], string[]] = JSON.parse(stdout);
  expect(before).toContain('60');
  expect(after).toEqual(['0', '1', '2']);
});
