/** A package registry on loopback, over TLS with a certificate of its own, and a door that takes it for a host of the internet. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import { join } from 'node:path';
import type { Tree, World } from '../test-kit.ts';

export const registryHost = 'registry.test';
/** Names that a real name server could give answers for that the door must not believe. */
export const inwardHosts = {
  'loopback.test': ['127.0.0.1', '::1'],
  'private.test': ['10.0.0.1', 'fd00::1', '::ffff:10.0.0.1'],
  'metadata.test': ['169.254.169.254'],
  'unknown.test': [],
} as const;

export interface Registry {
  readonly port: number;
  /** What was asked of it, in order. */
  readonly asked: readonly string[];
  /** A program like the helper's door, in whose world `registry.test` leads here by a public address. */
  readonly doorPath: string;
  /** A repository that depends on the package `tiny`, with its lock. */
  readonly repository: Tree;
  readonly close: () => Promise<void>;
}

export async function openRegistry(world: World): Promise<Registry> {
  const folder = world.path('registry');
  mkdirSync(join(folder, 'package'), { recursive: true });
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const subject = ['-subj', `/CN=${registryHost}`, '-addext', `subjectAltName=DNS:${registryHost}`];
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', ['req', '-x509', ...kind, '-keyout', key, '-out', certificate, ...subject], {
    stdio: 'pipe',
  });
  const tarball = packed(folder);
  const asked: string[] = [];
  const server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (request.url === tarballPath) response.end(tarball);
    else response.writeHead(404).end('{}');
  });
  const port = await listen(server);
  return {
    port,
    asked,
    doorPath: writeDoor(world, port),
    repository: repositoryWith(readFileSync(certificate, 'utf8'), tarball),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const tarballPath = '/tiny/-/tiny-1.0.0.tgz';

function packed(folder: string): Buffer {
  const files: Record<string, string> = {
    'package.json': JSON.stringify({
      name: 'tiny',
      version: '1.0.0',
      main: 'index.js',
      scripts: { install: 'node mark.js' },
    }),
    'index.js': "module.exports = () => 'tiny works';\n",
    'mark.js': "require('node:fs').writeFileSync('built', 'by its script');\n",
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, 'package', name), text);
  return execFileSync('tar', ['-cz', '-C', folder, 'package']);
}

function repositoryWith(certificate: string, tarball: Buffer): Tree {
  const root = { name: 'repository', version: '1.0.0', dependencies: { tiny: '1.0.0' } };
  const tiny = {
    version: '1.0.0',
    resolved: `https://${registryHost}${tarballPath}`,
    integrity: `sha512-${createHash('sha512').update(tarball).digest('base64')}`,
    hasInstallScript: true,
  };
  const lock = { ...root, lockfileVersion: 3, requires: true, packages: { '': root, 'node_modules/tiny': tiny } };
  return {
    'package.json': JSON.stringify(root),
    'package-lock.json': JSON.stringify(lock),
    '.npmrc': `registry=https://${registryHost}/\ncafile=/ws/certificate.pem\naudit=false\nupdate-notifier=false\nfetch-retries=0\n`,
    'certificate.pem': certificate,
    'check.js': "console.log(require('tiny')());\n",
  };
}

/** The world of the door is code of this test, so the program that ships has no way to be told of another one. */
function writeDoor(world: World, port: number): string {
  const path = `${world.path('door')}.mjs`;
  const here = (name: string): string => JSON.stringify(new URL(`../${name}`, import.meta.url).href);
  writeFileSync(
    path,
    `import { runDoor } from ${here('door-main.ts')};
import { dial } from ${here('door.ts')};
const inward = ${JSON.stringify(inwardHosts)};
runDoor(process.argv.slice(2), {
  lookup: async (host) => inward[host] ?? ['93.184.215.14'],
  connect: (address, timeMsMax) => dial(address === '93.184.215.14' ? '127.0.0.1' : address, ${port}, timeMsMax),
});
`,
  );
  return path;
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address.port);
      else reject(new Error('The registry has no port.'));
    });
  });
}
