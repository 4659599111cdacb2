import { describe, expect, it } from 'vitest';
import type { FileChange } from '#contract/patch.ts';
import type { Risk } from '#contract/proposal.ts';
import { fileChange } from '../../testing/documents.ts';
import { hasInvisible } from '../../../web/invisible.ts';
import { hasHidden } from './hidden-characters.ts';
import { assessRisk, type RiskFacts } from './risk.ts';

const nothing: RiskFacts = { files: [], addedLines: [], mended: 0, ownRepository: false, protectedPaths: [] };
const ofFile = (path: string, more: Partial<FileChange> = {}): Risk =>
  assessRisk({ ...nothing, files: [fileChange(path, more)] });
const ofLine = (text: string, path = 'src/a.ts'): Risk => assessRisk({ ...nothing, addedLines: [{ path, text }] });
const codes = (risk: Risk): string[] => risk.reasons.map((reason) => reason.code);

describe('risk by rules', () => {
  it.each<[string, Risk['level'], string[], string[]]>([
    [
      'ci',
      'high',
      ['.github/workflows/x.yml', '.gitlab-ci.yml', '.circleci/config.yml', 'Jenkinsfile', '.forgejo/workflows/a.yml'],
      ['docs/.github/workflows.md', 'src/ci.ts'],
    ],
    ['owners', 'high', ['CODEOWNERS', 'docs/CODEOWNERS'], ['CODEOWNERS.md']],
    ['own_policy', 'high', ['.patchgit.yml', '.patchgit.yaml'], ['docs/.patchgit.yml']],
    ['attributes', 'high', ['.gitattributes', 'sub/.gitignore'], ['.gitkeep']],
    ['migration', 'high', ['db/migrations/1.rb', 'schema.SQL'], ['src/migrate.ts']],
    [
      'dependencies',
      'medium',
      ['package.json', 'api/requirements-dev.txt', 'go.mod', '.npmrc'],
      ['package.json.md', 'src/go.model.ts'],
    ],
    ['lockfile', 'medium', ['package-lock.json', 'web/yarn.lock', 'Cargo.lock', 'go.sum'], ['lock.json']],
    ['scripts', 'medium', ['Dockerfile', 'bin/run.sh', 'systemd/x.service', 'Makefile'], ['run.shx', 'src/systemd.ts']],
    [
      'tests_changed',
      'medium',
      ['test/a.js', 'src/a.test.ts', 'pkg/x_test.go', 'tests/test_a.py'],
      ['src/attest.ts', 'src/contest/a.ts'],
    ],
    ['check_definition', 'medium', ['package.json', 'Makefile', 'vitest.config.ts'], ['src/vitest.ts', 'sub/Makefile']],
  ])('%s (%s) matches its own paths and no others', (code, level, positive, negative) => {
    for (const path of positive) {
      const risk = ofFile(path);
      expect(risk.reasons, path).toContainEqual(expect.objectContaining({ code, level, paths: [path] }));
    }
    for (const path of negative) expect(codes(ofFile(path)), path).not.toContain(code);
  });

  it.each<[string, Partial<FileChange>, Partial<FileChange>]>([
    ['symlink', { newMode: '120000' }, { newMode: '100644' }],
    [
      'symlink',
      { oldMode: '120000', newMode: '100644', status: 'type_changed' },
      { oldMode: '120000', newMode: '000000', status: 'deleted' },
    ],
    ['executable', { newMode: '100755' }, { oldMode: '100755', newMode: '100755' }],
    ['deleted', { status: 'deleted' }, { status: 'modified' }],
    ['binary', { binary: true }, { binary: false }],
  ])('%s is seen by mode and status, not by name', (code, positive, negative) => {
    expect(codes(ofFile('src/a', positive))).toContain(code);
    expect(codes(ofFile('src/a', negative))).not.toContain(code);
  });

  it('looks at the old name of a renamed file too', () => {
    const risk = ofFile('archive/x.yml', { oldPath: '.github/workflows/x.yml', status: 'renamed' });
    expect(codes(risk)).toContain('ci');
  });

  it('says which tests were deleted or switched off', () => {
    // In two parts, because our own checker looks for such lines in tests.
    const switchedOff = ['  it.', 'skip("x", () => {})'].join('');
    expect(codes(ofFile('test/a.js', { status: 'deleted' }))).toEqual(
      expect.arrayContaining(['tests_deleted', 'deleted']),
    );
    expect(codes(ofLine(switchedOff, 'test/a.js'))).toContain('tests_skipped');
    expect(codes(ofLine(switchedOff, 'src/a.js'))).not.toContain('tests_skipped');
    expect(codes(ofLine('  it("does not skip", () => {})', 'test/a.js'))).not.toContain('tests_skipped');
  });

  // Written in two parts, so that no scanner takes a made-up token for a real one.
  it.each([
    ['ghp', `_${'a1B2'.repeat(9)}`],
    ['AKIA', 'ABCDEFGHIJKLMNOP'],
    ['dop', `_v1_${'ab01'.repeat(16)}`],
    ['-----BEGIN RSA ', `PRIVATE KEY-----\\n${'a1B2'.repeat(16)}`],
    ['sk-', 'ant-abcdefghijklmnopqrst'],
    ['glpat', '-abcdefghijklmnopqrstu'],
    ['npm', `_${'a1B2'.repeat(9)}`],
  ])('finds a token of the shape %s…, and never repeats it', (first, second) => {
    const token = `${first}${second}`;
    const risk = ofLine(`const key = "${token}";`);
    expect(risk).toMatchObject({ level: 'high' });
    expect(codes(risk)).toEqual(['secret']);
    expect(JSON.stringify(risk)).not.toContain(second);
  });

  it('says where the secrets are that the patch stage found, and when it could not look', () => {
    const place = { path: 'a b.env', kind: 'GitHub token', line: 3, lastLine: 3, column: 4, columnEnd: 44 };
    const key = { ...place, path: 'deploy.pem', kind: 'private key', line: 1, lastLine: 27 };
    const found = assessRisk({ ...nothing, secrets: { known: true, why: null, found: [place, key] } });
    expect(found).toMatchObject({
      level: 'high',
      reasons: [
        {
          code: 'secret',
          message: expect.stringMatching(
            /GitHub token in "a b.env" line 3; private key in "deploy.pem" lines 1 to 27$/,
          ),
          paths: ['a b.env', 'deploy.pem'],
        },
      ],
    });
    const named = { ...place, kind: 'GitHub token in its name', line: 0, lastLine: 0 };
    const inName = assessRisk({ ...nothing, secrets: { known: true, why: null, found: [named] } });
    expect(inName.reasons[0]?.message).toMatch(/: GitHub token in its name in "[^"]+"$/);
    const unknown = assessRisk({ ...nothing, secrets: { known: false, why: 'It took too long.', found: [] } });
    expect(unknown).toMatchObject({ level: 'high', reasons: [{ code: 'secrets_unknown' }] });
    expect(codes(assessRisk({ ...nothing, secrets: { known: true, why: null, found: [] } }))).toEqual([]);
  });

  it.each<[string, string, boolean]>([
    ['.gitattributes', '*.bin filter=lfs diff=lfs merge=lfs -text', true],
    ['sub/.gitattributes', '* working-tree-encoding=UTF-16', true],
    ['.gitattributes', '[attr]hide -diff', true],
    ['.gitattributes', 'src/** linguist-generated', true],
    ['.gitattributes', 'x export-subst', true],
    ['.gitattributes', '"a b" ident', true],
    ['.gitattributes', '* text=auto eol=lf', false],
    ['.gitattributes', '# *.bin filter=lfs', false],
    ['docs/gitattributes.md', '*.bin filter=lfs', false],
  ])('in %s, %j names drivers: %s', (path, text, expected) => {
    const risk = ofLine(text, path);
    expect(codes(risk).includes('attribute_drivers')).toBe(expected);
    const [driver] = risk.reasons;
    if (expected) expect(driver?.message).toContain(text.split(/\s+/).at(text.startsWith('"') ? 2 : 1));
  });

  it.each<[string, RegExp | null]>([
    ['src/aux.c', /device on Windows/],
    ['CON', /device/],
    ['com1.txt/x', /device/],
    ['nul', /device/],
    ['a./x', /dot or a blank/],
    ['a /x', /dot or a blank/],
    ['a:b', /has : in it/],
    ['what?.txt', /has \? in it/],
    ['-rf', /dash/],
    [' x', /blank/],
    ['a\u202Eb', /cannot be seen: a\\u\{202e\}b/],
    ['a\u200Bb', /cannot be seen/],
    ['caf\udce9', /not UTF-8/],
    ['src/auxiliary.c', null],
    ['console.ts', null],
    ['日本.txt', null],
    ['.env', null],
  ])('the new name %j is judged as %s', (path, why) => {
    const reason = ofFile(path, { status: 'added', oldMode: '000000' }).reasons.find(({ code }) => code === 'names');
    if (why === null) expect(reason).toBeUndefined();
    else expect(reason?.message).toMatch(why);
    expect(codes(ofFile(path))).not.toContain('names');
  });

  it('sees a link that takes the place of a folder, and the other way round', () => {
    const gone = { status: 'deleted', newMode: '000000' } as const;
    const fresh = { status: 'added', oldMode: '000000' } as const;
    const swaps: [FileChange[], string[]][] = [
      [[fileChange('a/x', gone), fileChange('a', { ...fresh, newMode: '120000' })], ['a']],
      [[fileChange('a', { ...gone, oldMode: '120000' }), fileChange('a/b/x', fresh)], ['a']],
      [
        [fileChange('c/x', { status: 'renamed', oldPath: 'a/x' }), fileChange('a', { ...fresh, newMode: '120000' })],
        ['a'],
      ],
      [[fileChange('a', { status: 'type_changed', newMode: '120000' })], ['a']],
      [[fileChange('a', { status: 'type_changed', oldMode: '120000' })], ['a']],
      [[fileChange('a', { ...fresh, newMode: '120000' }), fileChange('b/x', gone)], []],
      [[fileChange('a', { status: 'modified', oldMode: '120000', newMode: '120000' })], []],
    ];
    for (const [files, paths] of swaps) {
      const reason = assessRisk({ ...nothing, files }).reasons.find(({ code }) => code === 'link_swap');
      expect(reason?.paths ?? []).toEqual(paths);
    }
  });

  it('takes no ordinary line for a token', () => {
    for (const text of ['const key = process.env.KEY;', 'ghp_short', 'the skeleton key', 'AKIA', 'sk-1'])
      expect(codes(ofLine(text)), text).toEqual([]);
  });

  it.each(['\u202E', '\u200B', '\u2066', '\uFEFF', '\u00AD'])('finds the invisible character %j', (character) => {
    expect(codes(ofLine(`a${character}b`))).toEqual(['hidden_characters']);
  });
  it('finds what the page marks, and takes no line end for it', () => {
    for (let code = 0; code <= 0xe1000; code += 1) {
      const character = String.fromCodePoint(code);
      if (character === '\n' || character === '\r' || hasHidden(`a${character}b`) === hasInvisible(`a${character}b`))
        continue;
      expect.fail(`U+${code.toString(16)} is marked on one side only`);
    }
    expect(codes(ofLine('windows\r'))).toEqual([]);
    expect(codes(ofLine('over\rwritten'))).toEqual(['hidden_characters']);
  });
  it('takes no visible writing for invisible', () => {
    expect(codes(ofLine('Grüße, 你好, مرحبا, 🙂'))).toEqual([]);
  });

  it('counts size, repair, its own repository and what the base protects', () => {
    expect(codes(ofFile('a', { additions: 300, deletions: 101 }))).toEqual(['large']);
    expect(codes(ofFile('a', { additions: 300, deletions: 100 }))).toEqual([]);
    const many = Array.from({ length: 21 }, (_, index) => fileChange(`f${index}`));
    expect(codes(assessRisk({ ...nothing, files: many }))).toEqual(['large']);
    expect(codes(assessRisk({ ...nothing, files: many.slice(1) }))).toEqual([]);
    expect(assessRisk({ ...nothing, mended: 1 })).toMatchObject({ level: 'low', reasons: [{ code: 'mended' }] });
    expect(assessRisk({ ...nothing, ownRepository: true })).toMatchObject({
      level: 'high',
      reasons: [{ code: 'own_repository' }],
    });
    expect(assessRisk({ ...nothing, protectedPaths: ['x'] })).toMatchObject({
      level: 'high',
      reasons: [{ code: 'protected', paths: ['x'] }],
    });
  });

  it('has the level of its gravest reason, gravest first, and is low without any', () => {
    expect(assessRisk({ ...nothing, files: [fileChange('src/a.ts')] })).toEqual({ level: 'low', reasons: [] });
    const risk = assessRisk({
      ...nothing,
      files: [fileChange('package.json'), fileChange('.github/workflows/a.yml')],
      mended: 1,
    });
    expect(risk.level).toBe('high');
    expect(risk.reasons.map((reason) => reason.level)).toEqual(['high', 'medium', 'medium', 'low']);
  });

  it('shows a bounded number of paths', () => {
    const files = Array.from({ length: 100 }, (_, index) => fileChange(`migrations/${index}.sql`));
    expect(assessRisk({ ...nothing, files }).reasons.every((reason) => reason.paths.length <= 20)).toBe(true);
  });
});
