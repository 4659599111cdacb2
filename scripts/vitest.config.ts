import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: new URL('..', import.meta.url).pathname,
  test: {
    include: ['server/**/*.test.ts', 'helper/**/*.test.ts', 'web/**/*.test.{ts,tsx}', 'scripts/**/*.test.ts'],
    exclude: ['scripts/sample/**', 'node_modules/**'],
    setupFiles: [new URL('./vitest.setup.ts', import.meta.url).pathname],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 120_000,
    reporters: ['default', new URL('./count-reporter.ts', import.meta.url).pathname],
  },
});
