/** A package registry on the far side of a machine's network: HTTPS with a certificate of its own, and one package. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TestRegistry {
  /** What a repository has that needs the package: manifest, lock file, and where the registry's certificate is. */
  readonly repository: Readonly<Record<string, string>>;
  /** Paths that were asked for. */
  readonly asked: readonly string[];
  /** At this address, port 443, which nobody else may have there. */
  readonly listen: (address: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

const name = 'three';
const version = '1.0.0';

/** `require('three')` is then 3. */
export function makeRegistry(host: string): TestRegistry {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-registry-'));
  try {
    const { key, certificate } = makeCertificate(folder, host);
    const archive = makePackage(folder);
    const path = `/${name}/-/${name}-${version}.tgz`;
    const asked: string[] = [];
    const servers = new Map<string, Server>();
    return {
      repository: repositoryThatNeeds(`https://${host}${path}`, archive, certificate),
      asked,
      listen: async (address) => {
        // The next machine can have the address of one that is gone.
        if (servers.has(address)) return;
        const server = createServer({ key, cert: certificate }, (request, response) => {
          asked.push(request.url ?? '');
          if (request.url === path) response.end(archive);
          else response.writeHead(404).end();
        });
        server.listen(443, address);
        await once(server, 'listening');
        servers.set(address, server);
      },
      close: async () => {
        for (const server of servers.values()) {
          server.closeAllConnections();
          await new Promise<void>((resolve) => server.close(() => resolve()));
        }
      },
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function makeCertificate(folder: string, host: string): { key: string; certificate: string } {
  const files = { key: join(folder, 'key.pem'), certificate: join(folder, 'certificate.pem') };
  const words = [
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`],
    ['-keyout', files.key, '-out', files.certificate],
  ].flat();
  execFileSync('openssl', words, { stdio: 'pipe' });
  return { key: readFileSync(files.key, 'utf8'), certificate: readFileSync(files.certificate, 'utf8') };
}

function makePackage(folder: string): Buffer {
  mkdirSync(join(folder, 'package'));
  writeFileSync(join(folder, 'package/package.json'), JSON.stringify({ name, version, main: 'index.js' }));
  writeFileSync(join(folder, 'package/index.js'), 'module.exports = 3;\n');
  return execFileSync('tar', ['--create', '--gzip', '--file=-', `--directory=${folder}`, 'package']);
}

function repositoryThatNeeds(resolved: string, archive: Buffer, certificate: string): Record<string, string> {
  const project = { name: 'needs-three', version, dependencies: { [name]: version } };
  const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
  const lock = {
    name: project.name,
    version,
    lockfileVersion: 3,
    requires: true,
    packages: { '': project, [`node_modules/${name}`]: { version, resolved, integrity } },
  };
  return {
    'package.json': `${JSON.stringify(project, null, 2)}\n`,
    'package-lock.json': `${JSON.stringify(lock, null, 2)}\n`,
    '.npmrc': `registry=${new URL('/', resolved).href}\ncafile=registry.pem\n`,
    'registry.pem': certificate,
  };
}
