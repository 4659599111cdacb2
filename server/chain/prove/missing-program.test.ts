import { describe, expect, it } from 'vitest';
import { missingProgram } from './missing-program.ts';

describe('a program that a check does not find', () => {
  it.each([
    ['a shell', '/bin/sh: 1: jest: not found', '"jest"'],
    ['npm', '\n> till@1.0.0 test\n> jest\n\nsh: 1: jest: not found', '"jest"'],
    ['bash', 'bash: line 1: rspec: command not found', '"rspec"'],
    ['make', 'foo --x\nmake: foo: No such file or directory\nmake: *** [Makefile:2: test] Error 127', '"foo"'],
    ['env', '/usr/bin/env: ‘ruby’: No such file or directory', '"ruby"'],
    ['Bundler', 'bundler: command not found: rspec', '"rspec"'],
    ['Cargo', 'error: no such command: `nextest`\n', '"nextest"'],
    ['Python', '/usr/bin/python3: No module named pytest', 'The Python module "pytest"'],
    ['a path of the tree', '/bin/sh: 1: vendor/bin/phpunit: not found', '"vendor/bin/phpunit"'],
  ])('is named, with what to do, when %s says it', (_who, log, named) => {
    const said = missingProgram(log.split('\n'));
    expect(said).toContain(named);
    expect(said).toMatch(/set-up installs/);
  });

  it.each(['', 'page /about: not found', 'sh: 1: a b: not found', 'ModuleNotFoundError: No module named x'])(
    'is not made up out of %j',
    (log) => {
      expect(missingProgram(log.split('\n'))).toBeNull();
    },
  );

  it('is looked for where a run ends, and not in what its tests printed long before', () => {
    const lines = ['sh: 1: jest: not found', ...Array.from({ length: 100 }, () => 'ok')];
    expect(missingProgram(lines)).toBeNull();
  });
});
