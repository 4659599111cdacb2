/** Holds the house to its rules. `node scripts/tidy.ts [FOLDER]`: prints every violation with file and line; exit code 1 if any. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, resolve } from 'node:path';
import { parseSync } from 'oxc-parser';
import { forbidden, insideNoun, layers, linesMax, type Layer } from './tidy-rules.ts';

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly why: string;
}

const folders = ['server', 'helper', 'web', 'scripts'];
const checkedFiles = /\.(?:tsx?|mjs|sql|css)$/;
const sourceFiles = /\.tsx?$/;
/** This file's own rules name what they forbid, and the sample is somebody else's code on purpose. */
const exempt = /^scripts\/(?:tidy|sample\/)/;

/** Every violation below `root`, in the order of the files. Throws when it finds no source file at all: a check that checks nothing is not green. */
export function findViolations(root: string): Violation[] {
  const files = folders
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true }).map((name) => posix.join(folder, String(name))),
    )
    .filter((file) => checkedFiles.test(file) && !exempt.test(file))
    .toSorted();
  if (!files.some((file) => sourceFiles.test(file))) throw new Error(`there is no source file below ${root}`);
  return [
    ...files.flatMap((file) => {
      const text = readFileSync(join(root, file), 'utf8');
      return [...textViolations(file, text), ...(sourceFiles.test(file) ? importViolations(root, file, text) : [])];
    }),
    ...readmeViolations(root),
  ];
}

function textViolations(file: string, text: string): Violation[] {
  const lines = text.split('\n');
  const found: Violation[] = [];
  if (lines.length - 1 > linesMax)
    found.push({
      file,
      line: linesMax + 1,
      why: `has ${lines.length - 1} lines, at most ${linesMax} are allowed: split it by noun`,
    });
  for (const { files, text: pattern, why } of forbidden) {
    if (!files.test(file)) continue;
    lines.forEach((line, index) => {
      if (pattern.test(line)) found.push({ file, line: index + 1, why });
    });
  }
  if (file.endsWith('.sql')) {
    for (const table of text.matchAll(/create table (\w+)[^;]*?\)([^;]*);/g)) {
      if (!/\bstrict\b/.test(table[2] ?? ''))
        found.push({ file, line: lineAt(text, table.index), why: `table ${table[1]} is not STRICT` });
    }
  }
  return found;
}

interface Import {
  readonly target: string;
  readonly at: number;
  readonly lazy: boolean;
}

function importsOf(file: string, text: string): Import[] {
  const { module, errors } = parseSync(file, text);
  const [error] = errors;
  if (error) throw new Error(`${file} cannot be parsed: ${error.message}`);
  const fixed = [
    ...module.staticImports.map((each) => ({ target: each.moduleRequest.value, at: each.start, lazy: false })),
    ...module.staticExports.flatMap((each) =>
      each.entries.flatMap((entry) =>
        entry.moduleRequest ? [{ target: entry.moduleRequest.value, at: each.start, lazy: false }] : [],
      ),
    ),
  ];
  const dynamic = module.dynamicImports.map(({ moduleRequest, start }) => {
    const target = text.slice(moduleRequest.start, moduleRequest.end);
    return { target: target.replaceAll(/^['"`]|['"`]$/g, ''), at: start, lazy: true };
  });
  return [...fixed, ...dynamic];
}

function importViolations(root: string, file: string, text: string): Violation[] {
  const layer = layerOf(file);
  if (!layer) return [{ file, line: 1, why: 'belongs to no layer: say in scripts/tidy-rules.ts which room it is in' }];
  return importsOf(file, text).flatMap(({ target, at, lazy }) => {
    const why = whyNot(root, file, layer, target, lazy);
    return why === null ? [] : [{ file, line: lineAt(text, at), why }];
  });
}

function whyNot(root: string, file: string, layer: Layer, target: string, lazy: boolean): string | null {
  const path = resolvePath(root, file, target);
  if (lazy && layer.name !== 'test') {
    const allowed = layer.lazily?.some((pattern) => pattern.test(path ?? target)) ?? false;
    if (!allowed) return `${layer.name} may not load ${target} lazily: hidden imports hide the way through the house`;
    return null;
  }
  if (path === null) {
    const allowed = layer.packages.some(
      (name) => name === '*' || target === name || target.startsWith(name === 'node:' ? name : `${name}/`),
    );
    return allowed ? null : `${layer.name} may not import the package ${target}`;
  }
  const other = layerOf(path);
  if (!other) return `imports ${path}, which belongs to no layer`;
  if (!layer.layers.includes('*') && other.name !== layer.name && !layer.layers.includes(other.name)) {
    return `${layer.name} may not import ${other.name} (${path})`;
  }
  const rule =
    layer.name === 'test' ? undefined : insideNoun.find((each) => each.from.test(file) && each.never.test(path));
  return rule && dirname(file) === dirname(path) ? `${rule.why} (${path})` : null;
}

/** The file a written import means, relative to the root; null for a package. */
function resolvePath(root: string, file: string, target: string): string | null {
  if (target.startsWith('#contract/')) return target.replace('#contract/', 'server/contract/');
  if (!target.startsWith('.')) return null;
  return relative(root, resolve(root, dirname(file), target));
}

function layerOf(file: string): Layer | undefined {
  return layers.find((layer) => layer.files.test(file));
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split('\n').length;
}

/** The tree in the README is the tree on disk, both ways: folders of the house only. */
function readmeViolations(root: string): Violation[] {
  const readme = join(root, 'README.md');
  if (!existsSync(readme)) return [];
  const text = readFileSync(readme, 'utf8');
  const tree = /```text house\n([\s\S]*?)```/.exec(text)?.[1];
  if (tree === undefined)
    return [
      { file: 'README.md', line: 1, why: 'shows no tree of the house (a code block that starts with ```text house)' },
    ];
  const named = new Set<string>();
  const parents: string[] = [];
  for (const row of tree.split('\n')) {
    const [, indent = '', name] = /^( *)([\w.-]+\/)/.exec(row) ?? [];
    if (name === undefined) continue;
    parents.length = indent.length / 2;
    parents.push(name);
    named.add(parents.join('').slice(0, -1));
  }
  const line = lineAt(text, text.indexOf('```text house'));
  const missing = [...named].filter((folder) => !existsSync(join(root, folder)));
  const unnamed = ['server', 'server/doors', 'server/chain', 'server/resources', 'server/record']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
        entry.isDirectory() ? [`${folder}/${entry.name}`] : [],
      ),
    )
    .filter((folder) => !named.has(folder));
  return [
    ...missing.map((folder) => ({ file: 'README.md', line, why: `the tree names ${folder}, which does not exist` })),
    ...unnamed.map((folder) => ({ file: 'README.md', line, why: `the tree does not name ${folder}` })),
  ];
}

if (import.meta.main) {
  const violations = findViolations(resolve(process.argv[2] ?? join(import.meta.dirname, '..')));
  for (const { file, line, why } of violations) console.log(`${file}:${line}: ${why}`);
  console.log(violations.length === 0 ? 'tidy' : `${violations.length} violations`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
