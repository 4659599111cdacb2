import { describe, expect, it } from 'vitest';
import type { FileChange } from '#contract/patch.ts';
import type { Risk } from '#contract/proposal.ts';
import { fileChange } from '../../testing/documents.ts';
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
    ['-----BEGIN RSA ', 'PRIVATE KEY-----'],
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

  it('takes no ordinary line for a token', () => {
    for (const text of ['const key = process.env.KEY;', 'ghp_short', 'the skeleton key', 'AKIA', 'sk-1'])
      expect(codes(ofLine(text)), text).toEqual([]);
  });

  it.each(['\u202E', '\u200B', '\u2066', '\uFEFF', '\u00AD'])('finds the invisible character %j', (character) => {
    expect(codes(ofLine(`a${character}b`))).toEqual(['hidden_characters']);
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
