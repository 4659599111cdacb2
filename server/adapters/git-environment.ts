/**
 * The hardening every trusted git process gets (DESIGN section 9; git's own documentation of each key).
 * Configuration travels as GIT_CONFIG_COUNT pairs, so that it cannot be confused with arguments and also reaches children.
 */
const config: readonly (readonly [string, string])[] = [
  // Nothing of a repository may name a program: a canary test plants each of these and sees that it stays quiet.
  ['core.hooksPath', '/dev/null'],
  ['core.fsmonitor', 'false'],
  ['core.untrackedCache', 'false'],
  ['core.attributesFile', '/dev/null'],
  ['core.excludesFile', '/dev/null'],
  ['core.pager', 'cat'],
  ['core.askPass', '/bin/false'],
  ['credential.helper', ''],
  ['commit.gpgSign', 'false'],
  ['tag.gpgSign', 'false'],
  ['submodule.recurse', 'false'],
  ['fetch.recurseSubmodules', 'false'],
  ['push.recurseSubmodules', 'no'],
  ['protocol.allow', 'never'],
  ['protocol.file.allow', 'always'],
  ['protocol.https.allow', 'always'],
  ['protocol.ssh.allow', 'always'],
  ['http.followRedirects', 'false'],
  ['http.sslVerify', 'true'],
  // `.git` in disguises that only other systems resolve is refused here too: the owner's laptop may be such a system.
  ['core.protectHFS', 'true'],
  ['core.protectNTFS', 'true'],
  ['core.quotePath', 'true'],
  ['core.autocrlf', 'false'],
  ['core.logAllRefUpdates', 'false'],
  ['transfer.bundleURI', 'false'],
  ['transfer.fsckObjects', 'true'],
  // Old, harmless flaws that real histories carry; refusing them would refuse whole repositories.
  ...[
    'zeroPaddedFilemode',
    'missingSpaceBeforeDate',
    'missingSpaceBeforeEmail',
    'badTimezone',
    'badEmail',
    'missingEmail',
    'missingNameBeforeEmail',
    'badFilemode',
    'missingTaggerEntry',
    'badName',
    'badDate',
    'badDateOverflow',
    'nullSha1',
  ].flatMap((flaw) => [[`fetch.fsck.${flaw}`, 'ignore'] as const, [`receive.fsck.${flaw}`, 'ignore'] as const]),
  // One small machine: no background packing, no unbounded memory (notes/perf.md 2e: gc peaks at 290 MB).
  ['gc.auto', '0'],
  ['maintenance.auto', 'false'],
  ['pack.threads', '1'],
  ['pack.windowMemory', '64m'],
  ['core.bigFileThreshold', '32m'],
  // Packs are mapped in small windows, so that a cap on the address space leaves room for the work itself.
  ['core.packedGitWindowSize', '16m'],
  ['core.packedGitLimit', '128m'],
];

/** Options that go before the subcommand. */
export const gitOptions = ['--no-pager', '--no-optional-locks', '--literal-pathspecs'];

/**
 * The whole environment of a trusted git process: nothing is inherited but the way to programs, so neither a proxy nor one of git's
 * own traces, which would write down what is sent. `more` comes after the hardening and is for this one process.
 */
export function gitEnvironment(
  path: string,
  extra: Readonly<Record<string, string>> = {},
  more: readonly (readonly [string, string])[] = [],
): Record<string, string> {
  const pairs = [...config, ...more];
  const environment: Record<string, string> = {
    PATH: path,
    HOME: '/nonexistent',
    XDG_CONFIG_HOME: '/nonexistent',
    LC_ALL: 'C.UTF-8',
    TZ: 'UTC',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '/bin/false',
    SSH_ASKPASS: '/bin/false',
    GIT_EDITOR: '/bin/false',
    GIT_SEQUENCE_EDITOR: '/bin/false',
    GIT_NO_LAZY_FETCH: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_CONFIG_COUNT: String(pairs.length),
    ...extra,
  };
  pairs.forEach(([key, value], index) => {
    environment[`GIT_CONFIG_KEY_${index}`] = key;
    environment[`GIT_CONFIG_VALUE_${index}`] = value;
  });
  return environment;
}
