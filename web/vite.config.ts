import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** Builds the pages into dist/web: hashed files under /assets, nothing inline, so that the strict CSP holds. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: fileURLToPath(new URL('../dist/web', import.meta.url)),
    emptyOutDir: true,
    // Browsers of 2024 and later know light-dark() and layers; older targets would triple the sheet.
    target: ['chrome125', 'firefox128', 'safari18'],
    assetsDir: 'assets',
    // A data: URL or an inline script would need a hole in the policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // One small sheet: a page that loads its styles late would jump.
    cssCodeSplit: false,
    reportCompressedSize: true,
  },
});
