import { describe, expect, it } from 'vitest';
import { readRepositoryUrl } from './url.ts';

describe('the address of a repository', () => {
  it.each([
    ['/srv/git/shop.git', '/srv/git/shop.git'],
    ['/srv/git/shop/', '/srv/git/shop'],
    ['/path with spaces/ü', '/path with spaces/ü'],
    ['file:///srv/git/shop.git', 'file:///srv/git/shop.git'],
    ['https://example.com/owner/shop.git', 'https://example.com/owner/shop.git'],
    ['ssh://git@example.com:2222/shop.git', 'ssh://git@example.com:2222/shop.git'],
    ['git@example.com:owner/shop.git', 'git@example.com:owner/shop.git'],
  ])('%s is taken', (text, url) => {
    expect(readRepositoryUrl(text)).toEqual({ ok: true, value: url });
  });

  it.each([
    ['a program as a transport', 'ext::sh -c touch% /tmp/x'],
    ['any other helper', 'fd::17/foo'],
    ['an option', '-oProxyCommand=touch /tmp/x'],
    ['an option for upload-pack', '--upload-pack=touch /tmp/x'],
    ['an option as a host', 'ssh://-oProxyCommand=touch%20x/y'],
    ['an option as a user', 'ssh://-oProxyCommand=x@example.com/y'],
    ['a scp-like address with an option as host', '-oProxyCommand=x:y'],
    ['a scp-like address whose host is an option', 'git@-oProxyCommand=x:y'],
    ['a password', 'https://me:secret@example.com/x.git'],
    ['a token as a user', 'https://ghp_abc@example.com/x.git'],
    ['a password over ssh', 'ssh://me:secret@example.com/x.git'],
    ['plain http', 'http://example.com/x.git'],
    ['the git protocol', 'git://example.com/x.git'],
    ['a relative path', 'shop.git'],
    ['a relative path upwards', '../shop.git'],
    ['a home folder', '~/shop.git'],
    ['a host in a file address', 'file://server/share/x.git'],
    ['a line break', '/srv/x.git\n--upload-pack=x'],
    ['a zero', '/srv/x\u0000.git'],
    ['an escape sequence', '/srv/\u001B[2Jx.git'],
    ['nothing', ''],
    ['a Windows path', 'C:\\x'],
    ['javascript', 'javascript:alert(1)'],
  ])('%s is refused in a sentence that repeats no secret', (_what, text) => {
    const read = readRepositoryUrl(text);
    expect(read).toMatchObject({ ok: false, why: { code: 'repository_url_refused' } });
    expect(JSON.stringify(read)).not.toMatch(/secret|ghp_abc/);
  });
});
