/** Builds dist/: the daemon, the command and the helper as one CommonJS file each, the pages, and a warm compile cache. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { rolldown } from 'rolldown';
import { build as buildPages } from 'vite';
import { daemonCommand } from '../server/cli/daemon-command.ts';
import { scanPlugins, slimPlugins } from './build/slim.ts';

const root = new URL('..', import.meta.url).pathname;
const at = (name: string): string => join(root, name);

/** Packages with native code or with files of their own stay where npm put them, and so does what most days never need. */
const external = [
  'better-sqlite3',
  'argon2',
  'dots-wrapper',
  'ssh2',
  'yaml',
  'sax',
  '@octokit/rest',
  '@octokit/auth-app',
  '@octokit/webhooks',
];

const bundles = [
  { input: 'server/main.ts', file: 'dist/server.cjs', plugins: slimPlugins() },
  { input: 'server/cli.ts', file: 'dist/cli.cjs', plugins: [] },
  { input: 'helper/main.ts', file: 'dist/helper.cjs', plugins: [] },
  // Started for one patch and gone with its answer, so that its rules take no memory from the daemon.
  { input: 'server/adapters/secret-scan-child.ts', file: 'dist/secrets.cjs', plugins: scanPlugins() },
  // The user patchgit-push runs it, and nobody else: it knows nothing of the daemon's data.
  { input: 'server/main-push.ts', file: 'dist/push.cjs', plugins: [] },
];

for (const { input, file, plugins } of bundles) {
  const bundle = await rolldown({
    input: at(input),
    external,
    plugins,
    platform: 'node',
    logLevel: 'silent',
    transform: { define: { 'import.meta.main': 'true' } },
  });
  await bundle.write({
    file: at(file),
    format: 'cjs',
    codeSplitting: false,
    // Small, because the source stays in memory; names of functions stay, because they are what a crash report shows.
    minify: { compress: true, mangle: { toplevel: true, keepNames: true }, codegen: true },
  });
  await bundle.close();
}
await buildPages({ configFile: at('web/vite.config.ts'), logLevel: 'warn' });

const id = createHash('sha256');
for (const { file } of bundles) id.update(readFileSync(at(file)));
id.update(readFileSync(at('dist/web/index.html')));
writeFileSync(at('dist/build-id'), `${id.digest('hex').slice(0, 12)}\n`);
await warmCompileCache();

/** The cache is written when a process ends well (notes: it halves the CPU to the first answer), so let one start and end. */
async function warmCompileCache(): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'patchgit-warm-'));
  const { args, environment } = daemonCommand(root);
  rmSync(at('dist/compile-cache'), { recursive: true, force: true });
  try {
    await new Promise<void>((resolve, reject) => {
      const child = spawn(process.execPath, args, {
        env: {
          ...process.env,
          ...environment,
          PATCHGIT_HOME: home,
          PATCHGIT_PORT: '0',
          PATCHGIT_HOST: '127.0.0.1',
          PATCHGIT_LOG: 'info',
        },
        stdio: ['ignore', 'inherit', 'pipe'],
      });
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString('utf8');
        if (said.includes('patchgit is serving')) child.kill('SIGTERM');
      });
      child.on('exit', (code) =>
        code === 0 ? resolve() : reject(new Error(`the built daemon does not start and stop: ${said}`)),
      );
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}
