import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { bakeDefaults } from '#contract/budget.ts';
import { bakeScript } from './cloud-init-bake.ts';
import { places } from './cloud-init-places.ts';

const ollama = { url: 'https://example.com/ollama.tgz', sha256: 'ab'.repeat(32), model: 'qwen2.5-coder:1.5b' };
const full = bakeScript({ packages: bakeDefaults.packages, ollama });

/** Whether these stand in the text, and in this order. */
function inOrder(text: string, ...parts: string[]): boolean {
  const at = parts.map((part) => text.indexOf(part));
  return at.every((place, index) => place >= 0 && place > (at[index - 1] ?? -1));
}

describe('what makes an image', () => {
  it('is a script that a shell can read, in plain ASCII', () => {
    for (const script of [full, bakeScript({ packages: [], ollama: null })]) {
      expect(spawnSync('sh', ['-n'], { input: script, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
      expect(script).toMatch(/^[\n\x20-\x7e]*$/);
    }
  });

  it('waits for whoever ordered it, and says at which step it gave up', () => {
    expect(inOrder(full, `> ${places.failedMarker}`, `until [ -e ${places.bakeGo} ]`, 'apt-get')).toBe(true);
  });

  it('compares the program for the model before a byte of it is unpacked, and takes none that was not named', () => {
    expect(inOrder(full, 'curl --fail', `printf '%s  archive\\n' ${ollama.sha256}`, 'tar -x', 'ollama pull')).toBe(
      true,
    );
    expect(full).toContain('--proto =https --proto-redir =https');
    const without = bakeScript({ packages: ['git'], ollama: null });
    expect(without).not.toMatch(/curl|ollama/);
  });

  it('forgets what was this one machine’s, then says that it is baked, then switches it off', () => {
    const marker = `printf 'baked\\n' > ${places.bakedMarker}`;
    for (const gone of ['/etc/ssh/ssh_host_*', places.authorizedKeys, 'cloud-init clean --logs', ': > /etc/machine-id'])
      expect(inOrder(full, gone, marker, 'systemctl --no-block poweroff'), gone).toBe(true);
    expect(inOrder(full, "grep -rqsF 'OPENSSH PRIVATE KEY'", marker)).toBe(true);
  });

  it('leaves sshd shut until the guard of the next machine has let it in', () => {
    expect(full).toContain(': > /etc/ssh/sshd_not_to_be_run');
  });
});
