/**
 * Our own code with one planted fault. The folder is copied beside links to everything else it uses, its text is changed,
 * and the copy is loaded: what a suite then says about it shows whether the suite would see the fault.
 */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

export interface Fault {
  /** In words: what is wrong in the copy. */
  readonly what: string;
  /** Below the copied folder. `from` stands exactly once in the file. */
  readonly changes: readonly { readonly file: string; readonly from: string; readonly to: string }[];
}

export interface Mutant {
  /** The modules of the copy, loaded anew. */
  readonly load: (file: string) => Promise<unknown>;
  readonly remove: () => void;
}

const root = new URL('../..', import.meta.url).pathname;

/** `folder`: below the root, for example "server/resources/budget". */
export function mutant(folder: string, fault: Fault): Mutant {
  const place = mkdtempSync(join(tmpdir(), 'patchgit-mutant-'));
  const copy = join(place, folder);
  mkdirSync(dirname(copy), { recursive: true });
  for (const name of ['server/lib', 'server/contract', 'server/record', 'server/ports.ts', 'node_modules']) {
    mkdirSync(dirname(join(place, name)), { recursive: true });
    symlinkSync(join(root, name), join(place, name));
  }
  writeFileSync(
    join(place, 'package.json'),
    JSON.stringify({ type: 'module', imports: { '#contract/*': './server/contract/*' } }),
  );
  cpSync(join(root, folder), copy, { recursive: true, filter: (path) => !path.endsWith('.test.ts') });
  for (const { file, from, to } of fault.changes) {
    const text = readFileSync(join(copy, file), 'utf8');
    if (text.split(from).length !== 2) throw new Error(`"${from}" does not stand exactly once in ${file}`);
    writeFileSync(
      join(copy, file),
      text.replace(from, () => to),
    );
  }
  return {
    load: async (file) => (await import(/* @vite-ignore */ pathToFileURL(join(copy, file)).href)) as unknown,
    remove: () => rmSync(place, { recursive: true, force: true }),
  };
}
