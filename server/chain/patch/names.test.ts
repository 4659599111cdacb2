import { describe, expect, it } from 'vitest';
import { pathFromBytes, pathToBytes } from '../../lib/path-bytes.ts';
import { quoteName, showPath, unquote } from './bytes.ts';
import { foldName, judgePath } from './names.ts';

describe('paths', () => {
  it('come back from their bytes, whatever the bytes are', () => {
    for (const bytes of [
      'a',
      '\u00e9',
      'latin\u00e9',
      '\u00c3\u00a9',
      '\u00ff\u00fe',
      '\u00e6\u0097',
      'mixed\u00c3\u00a9\u00e9',
      '\u00f0\u009f\u0098\u0080',
    ]) {
      expect(pathToBytes(pathFromBytes(bytes)).toString('latin1')).toBe(bytes);
    }
    expect(pathFromBytes('\u00c3\u00a9')).toBe('\u00e9');
  });
  it('are quoted as git does, and back', () => {
    expect(quoteName('a b')).toBe('a b');
    expect(quoteName('a"b')).toBe('"a\\"b"');
    expect(quoteName('\u00e9')).toBe('"\\303\\251"');
    expect(unquote('"\\303\\251\\t\\"" rest')).toEqual({ name: '\u00c3\u00a9\t"', end: 14 });
    expect(unquote('"open')).toBeNull();
  });
  it('are shown without anything that acts on a terminal or hides', () => {
    expect(showPath('a\u001b[2J\u202eb\udce9\n')).toBe('a\\u{1b}[2J\\u{202e}b\\xe9\\u{a}');
  });
});

describe('names', () => {
  it.each([
    ['src/a.js', null],
    ['.github/workflows/x.yml', null],
    ['.gitignore', null],
    ['.gitattributes', null],
    ['a/.gitkeep', null],
    ['git', null],
    ['x.git', null],
    ['a~1', null],
    ['-rf', null],
    ['CON', null],
    ['a:b', null],
    ['\u65e5\u672c', null],
    ['.git', 'patch_path_git'],
    ['.git ', 'patch_path_git'],
    ['.git...', 'patch_path_git'],
    ['a/.GIT/b', 'patch_path_git'],
    ['git~2', 'patch_path_git'],
    ['.git:x', 'patch_path_git'],
    ['a\\.git', 'patch_path_git'],
    ['.g\u200cit', 'patch_path_git'],
    ['.gi\u034ft', 'patch_path_git'],
    ['.\uff47it', 'patch_path_git'],
    ['.g\u0131t', 'patch_path_git'],
    ['.gitmodules', 'patch_submodule'],
    ['sub/.GitModules', 'patch_submodule'],
    ['gi7eba~1', 'patch_submodule'],
    ['../a', 'patch_path_outside'],
    ['a/..', 'patch_path_outside'],
    ['./a', 'patch_path_outside'],
    ['/a', 'patch_path_outside'],
    ['a/', 'patch_path_outside'],
    ['c:/a', 'patch_path_outside'],
    ['\\\\host\\a', 'patch_path_outside'],
    ['', 'patch_path_outside'],
    ['a\u0000b', 'patch_name_refused'],
    ['a\u0085b', 'patch_name_refused'],
    ['\u00e9'.repeat(128), 'patch_name_refused'],
  ])('%j is judged as %s', (path, code) => {
    expect(judgePath(path)?.code ?? null).toBe(code);
  });
  it('fold to one where a file system takes them for one', () => {
    for (const [one, other] of [
      ['A', 'a'],
      ['caf\u00e9', 'CAFE\u0301'],
      ['stra\u00dfe', 'STRASSE'],
      ['\u212b', '\u00e5'],
      ['a\u200d', 'a'],
    ]) {
      expect(foldName(one ?? '')).toBe(foldName(other ?? ''));
    }
    expect(foldName('a')).not.toBe(foldName('b'));
  });
});
