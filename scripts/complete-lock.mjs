/**
 * Completes package-lock.json after `npm install` ran against a registry mirror that does not carry every platform.
 *
 * npm writes no lock entry for an optional platform package it could not find, and `npm ci` then refuses the whole lock
 * ("Missing: … from lock file"). This adds the entry npm would have written (version, os, cpu, libc read from the name),
 * without an integrity value: nothing is fetched on platforms that do not match.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const lockPath = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(readFileSync(lockPath, 'utf8'));
const operatingSystems = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'openharmony',
  'win32',
  'aix',
  'netbsd',
  'openbsd',
  'sunos',
  'wasi',
  'wasm32',
];
const processors = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'loong64', 'mips64el', 'wasm32'];

/** The platform a binding's name stands for, for example `@rolldown/binding-linux-arm64-musl`. */
function platformOf(name) {
  const words = name.replace('win32-ia32', 'win32-ia32').split(/[/-]/);
  const os = operatingSystems.find((word) => words.includes(word));
  const cpu = processors.find((word) => words.includes(word));
  if (!os && !cpu) return null;
  const libc = os === 'linux' ? (words.some((word) => word.startsWith('musl')) ? 'musl' : 'glibc') : null;
  return {
    cpu: [cpu === undefined ? 'x64' : cpu],
    ...(libc ? { libc: [libc] } : {}),
    os: [os === undefined || os === 'wasm32' ? 'none' : os],
  };
}

let added = 0;
for (const entry of Object.values({ ...lock.packages })) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    const platform = platformOf(name);
    if (lock.packages[key] || !platform || !/^\d/.test(version)) continue;
    lock.packages[key] = { version, ...platform, ...(entry.dev ? { dev: true } : {}), optional: true };
    added += 1;
  }
}
lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)));
writeFileSync(lockPath, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${added} platform entries added to package-lock.json`);
