/**
 * What the daemon's bundle leaves out. Packages bring parts that this daemon never uses, and a loaded part costs memory for
 * as long as the daemon runs (notes/perf.md 2a). Whatever is left out throws when it is used after all.
 */
import { readFileSync } from 'node:fs';
import type { Plugin } from 'rolldown';

/** Express reads bodies and nested query strings with these; ours come through doors/http/body.ts and the simple parser. */
const unusedPackages = new Set(['body-parser', 'qs', 'thread-stream']);
/** The client half of ws, its compression, the inflation of binary patches, pino's assertions: opened at their first use. */
const lateBuiltins = ['https', 'tls', 'zlib', 'assert'];
/** Every type of file that the pages have. */
const servedEndings = new Set(['css', 'html', 'ico', 'js', 'json', 'map', 'png', 'svg', 'txt', 'webmanifest', 'woff2']);

export function slimPlugins(): Plugin[] {
  return [withoutUnused(), withoutDebug(), withoutWorkers(), fewMediaTypes(), openLate(), asAscii()];
}

/** For the program that looks for secrets: it is started for every patch, and what it loads is most of its time. */
export function scanPlugins(): Plugin[] {
  return [withoutDebug(), withoutProfiler()];
}

function withoutUnused(): Plugin {
  const mark = '\0left out: ';
  return {
    name: 'without-unused',
    resolveId: (source) => (unusedPackages.has(source) ? `${mark}${source}` : null),
    load: (id) => {
      if (!id.startsWith(mark)) return null;
      const refuse = `throw new Error(${JSON.stringify(`${id.slice(mark.length)} is left out of this bundle`)})`;
      return `module.exports = new Proxy(function () { ${refuse}; }, { construct() { ${refuse}; } });`;
    },
  };
}

/** Express's own tracing, which nobody can switch on here. simple-git needs the real one, at its first transfer. */
function withoutDebug(): Plugin {
  const mark = '\0silent debug';
  return {
    name: 'without-debug',
    resolveId: (source, importer) =>
      source === 'debug' && !/\/(?:simple-git|@kwsites)\//.test(importer ?? '') ? mark : null,
    load: (id) => (id === mark ? 'module.exports = () => Object.assign(() => {}, { enabled: false });' : null),
  };
}

/** secretlint measures itself, and nobody reads it. */
function withoutProfiler(): Plugin {
  const mark = '\0silent profiler';
  return {
    name: 'without-profiler',
    resolveId: (source) => (source === '@secretlint/profiler' ? mark : null),
    load: (id) => (id === mark ? 'export const secretLintProfiler = { mark: () => {} };' : null),
  };
}

/** pino asks whether it runs in a worker; loading worker_threads for the answer costs more than the rest of pino. */
function withoutWorkers(): Plugin {
  return {
    name: 'without-workers',
    transform: (code, id) => {
      if (!id.endsWith('/pino/lib/tools.js')) return null;
      return mustReplace(code, "require('worker_threads')", '{ isMainThread: true }');
    },
  };
}

/** The list of all media types has 2,500 entries, which Express would turn into objects at every start. */
function fewMediaTypes(): Plugin {
  return {
    name: 'few-media-types',
    load: (id) => {
      if (!id.endsWith('/mime-db/db.json')) return null;
      const all = Object.entries<{ extensions?: string[] }>(JSON.parse(readFileSync(id, 'utf8')));
      const few = all.filter(
        ([name, { extensions = [] }]) =>
          name === 'application/octet-stream' || extensions.some((ending) => servedEndings.has(ending)),
      );
      return { code: JSON.stringify(Object.fromEntries(few)), moduleType: 'json' };
    },
  };
}

/** A built-in module that is used as `name(...)` or `name.member` is loaded when that is done for the first time. */
function openLate(): Plugin {
  const helper = `const openLate = (name) => {
  let opened;
  const open = () => (opened ??= require(name));
  return new Proxy(() => {}, { get: (_, key) => open()[key], apply: (_, self, values) => open()(...values) });
};
`;
  // zod otherwise compiles a parser of its own at the first use of every schema: more CPU and memory than it saves here.
  const settings = 'globalThis.__zod_globalConfig = { jitless: true };\n';
  const asked = new RegExp(`require\\((["'\`])(?:node:)?(${lateBuiltins.join('|')})\\1\\)`, 'g');
  return {
    name: 'open-late',
    renderChunk: (code) => `${settings}${helper}${code.replaceAll(asked, (_, _quote, name) => `openLate("${name}")`)}`,
  };
}

/** One letter outside ASCII makes V8 hold two bytes for every letter of the bundle. */
function asAscii(): Plugin {
  return {
    name: 'as-ascii',
    generateBundle: (_, files) => {
      for (const file of Object.values(files)) {
        if (file.type !== 'chunk') continue;
        file.code = file.code.replaceAll(
          /[^\0-\x7F]/g,
          (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
        );
      }
    },
  };
}

function mustReplace(code: string, from: string, to: string): string {
  if (!code.includes(from)) throw new Error(`nothing to replace: ${from}`);
  return code.replace(from, to);
}
