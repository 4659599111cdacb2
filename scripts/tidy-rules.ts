/** The house rules a program can hold: who may import whom, and what no file may hold (DESIGN section 4, STYLE). */

export interface Layer {
  readonly name: string;
  /** Paths below the root. The first layer that matches a file is its own. */
  readonly files: RegExp;
  /** Names of the layers it may import; '*' is all of them. */
  readonly layers: readonly string[];
  /** Packages it may import; `node:` stands for Node's own modules, '*' for everything. */
  readonly packages: readonly string[];
  /** Files it may load when first used, and only so. */
  readonly lazily?: readonly RegExp[];
}

export const layers: readonly Layer[] = [
  {
    name: 'test',
    files: /\.test\.tsx?$|(?:^|\/)testing\/|\/test-[a-z-]+\.ts$|^web\/e2e\//,
    layers: ['*'],
    packages: ['*'],
  },
  { name: 'contract', files: /^server\/contract\//, layers: ['contract'], packages: ['zod'] },
  { name: 'lib', files: /^server\/lib\//, layers: ['lib', 'contract'], packages: ['node:crypto', 'node:buffer'] },
  { name: 'ports', files: /^server\/ports(?:-cloud)?\.ts$/, layers: ['contract', 'lib'], packages: [] },
  // Pure: facts in, step out. No clock, no I/O, no package; of the ports only what they say, for they are types.
  {
    name: 'pure',
    files:
      /^server\/(?:doors|chain|resources|record)\/[a-z/-]+\/(?:states|decide|risk|confidence|gates|freeze|publishing|results|url|detect|window|price|options|option-facts|option-list|names|moves|chain)\.ts$/,
    layers: ['contract', 'lib', 'ports', 'pure', 'chain'],
    packages: ['node:crypto'],
  },
  {
    name: 'record',
    files: /^server\/record\//,
    layers: ['contract', 'lib', 'ports', 'pure', 'record'],
    packages: ['node:', 'better-sqlite3', 'zod'],
  },
  {
    name: 'resources',
    files: /^server\/resources\//,
    layers: ['contract', 'lib', 'ports', 'pure', 'record', 'resources'],
    packages: ['node:', 'zod'],
  },
  {
    name: 'chain',
    files: /^server\/chain\//,
    layers: ['contract', 'lib', 'ports', 'pure', 'record', 'resources', 'chain'],
    packages: ['node:', 'zod', 'p-queue'],
    lazily: [/^yaml$/, /^sax$/],
  },
  {
    name: 'doors',
    files: /^server\/doors\//,
    layers: ['contract', 'lib', 'ports', 'pure', 'record', 'resources', 'chain', 'doors'],
    packages: ['node:', 'zod', 'express', 'ws', 'p-queue'],
    lazily: [/^argon2$/],
  },
  {
    name: 'adapters',
    files: /^server\/adapters\//,
    layers: ['contract', 'lib', 'ports', 'record', 'adapters'],
    packages: ['*'],
    lazily: [/./],
  },
  {
    name: 'cli',
    files: /^server\/cli(?:\.ts$|\/)/,
    layers: ['contract', 'lib', 'config', 'cli'],
    packages: ['node:', 'zod'],
    // Offline commands: `apply` and `restore` work without a daemon.
    lazily: [/^server\/adapters\/git\.ts$/, /^server\/chain\/patch\/offline\.ts$/, /^server\/record\/backup\.ts$/],
  },
  {
    name: 'config',
    files: /^server\/config(?:-github)?\.ts$/,
    layers: ['contract', 'lib', 'config'],
    packages: ['node:'],
  },
  {
    name: 'main',
    files: /^server\/main(?:-helper|-github|-intake|-around|-push)?\.ts$/,
    layers: ['*'],
    packages: ['node:'],
  },
  { name: 'build', files: /^web\/vite\.config\.ts$/, layers: [], packages: ['node:', 'vite'] },
  { name: 'helper', files: /^helper\//, layers: ['contract', 'helper'], packages: ['node:', 'zod'] },
  {
    name: 'web',
    files: /^web\//,
    layers: ['contract', 'web'],
    packages: ['preact', 'marked', 'anser', 'vite'],
    lazily: [/^web\//, /^marked$/, /^anser$/],
  },
  { name: 'scripts', files: /^scripts\//, layers: ['*'], packages: ['*'], lazily: [/./] },
];

/** Inside a noun the way is one way too: what decides and what stores does not know what performs. */
export const insideNoun: readonly { readonly from: RegExp; readonly never: RegExp; readonly why: string }[] = [
  {
    from: /\/(?:states|decide)\.ts$/,
    never: /\/(?:store|perform|runner|actions|accept)\.ts$/,
    why: 'a decision knows no effects',
  },
  {
    from: /\/store\.ts$/,
    never: /\/(?:perform|runner|actions|accept)\.ts$/,
    why: 'a store is used by what performs, not the reverse',
  },
];

/** Lines that may stand in no file of ours (tests of these rules excepted). */
export const forbidden: readonly { readonly files: RegExp; readonly text: RegExp; readonly why: string }[] = [
  {
    files: /\.tsx?$/,
    text: /\bvi\.(?:mock|doMock)\(/,
    why: 'no mocks of our own modules: fake only the far end of a wire',
  },
  {
    files: /\.tsx?$/,
    text: /\b(?:it|test|describe)\.(?:only|skip|todo)\(/,
    why: 'a test that does not run proves nothing',
  },
  {
    files: /\.(?:tsx?|mjs|sql)$/,
    text: /\b(?:TODO|FIXME|XXX)\b/,
    why: 'leave no note of unfinished work: mend it or file it',
  },
  {
    files: /^web\/.*\.tsx?$/,
    text: /\b(?:innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML)\b/,
    why: 'text from outside is never markup',
  },
  {
    files: /^(?:server|helper)\/.*\.ts$/,
    text: /\bcatch\s*(?:\([^)]*\))?\s*\{\s*\}/,
    why: 'an empty catch hides a failure',
  },
];

export const linesMax = 400;
