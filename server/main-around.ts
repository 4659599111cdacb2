/** What the composition root finds around it: built files or their sources, and what the environment holds. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { KnownSecret } from './lib/redact.ts';

/** This file and `dist/server.cjs` are both one folder below the root. */
export const root = dirname(import.meta.dirname);

/** Names the built files, so that an open page can tell that it is older than the server. */
export function buildId(): string {
  const file = join(root, 'dist/build-id');
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : 'source';
}

/** Of the environment: credentials that no log may show. */
export function ownCredentials(): KnownSecret[] {
  return ['DIGITALOCEAN_TOKEN', 'GITHUB_TOKEN', 'GITHUB_WEBHOOK_SECRET', 'ANTHROPIC_API_KEY', 'OPENAI_API_KEY'].flatMap(
    (name) => {
      const value = process.env[name];
      return value === undefined || value === '' ? [] : [{ name, value }];
    },
  );
}

export function secretsFile(): string {
  const built = join(root, 'dist/secrets.cjs');
  return existsSync(built) ? built : join(root, 'server/adapters/secret-scan-child.ts');
}

export function helperFile(): string {
  const built = join(root, 'dist/helper.cjs');
  return existsSync(built) ? built : join(root, 'helper/main.ts');
}

/** The npm that started us, for machines that have none under /usr. */
export function npmFolder(): string | null {
  const cli = process.env['npm_execpath'];
  return cli === undefined || !cli.endsWith('npm-cli.js') ? null : dirname(dirname(cli));
}
