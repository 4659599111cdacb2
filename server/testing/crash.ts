/**
 * Kills the daemon at an exact place between two of its outside calls. Every trusted git process is found through PATH, so a
 * `git` earlier in PATH sees each of them start and end; the product itself has no switch for this.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * `before`: git is not run any more. `during`: git runs on without its daemon. `after`: git is done, its answer is lost.
 * `pause` kills nothing: git waits until `release`.
 */
export type Moment = 'before' | 'during' | 'after' | 'pause';

export interface GitWatch {
  /** To be put in front of PATH. */
  readonly folder: string;
  /** Kills the daemon at its `number`th git command from now on (1-based), once. */
  readonly killAt: (moment: Moment, number: number) => void;
  /** Only counts from now on. */
  readonly count: () => void;
  /** The git commands since `count` or `killAt`, without what goes before the subcommand. */
  readonly seen: () => string[];
  /** Whether the kill that was asked for has happened. */
  readonly hasKilled: () => boolean;
  /** Whether git waits at the place that was asked for. */
  readonly isPaused: () => boolean;
  readonly release: () => void;
  readonly remove: () => void;
}

export function watchGit(): GitWatch {
  const folder = mkdtempSync(join(tmpdir(), 'patchgit-watch-'));
  const file = (name: string): string => join(folder, name);
  const git = execFileSync('/bin/sh', ['-c', 'command -v git'], { encoding: 'utf8' }).trim();
  writeFileSync(file('git'), wrapper(folder, git));
  chmodSync(file('git'), 0o755);
  const arm = (moment: string, number: number): void => {
    writeFileSync(file('count'), '0\n');
    writeFileSync(file('log'), '');
    for (const name of ['killed', 'paused', 'released']) rmSync(file(name), { force: true });
    writeFileSync(file('plan'), `${moment} ${number}\n`);
  };
  arm('never', 0);
  return {
    folder,
    killAt: arm,
    count: () => arm('never', 0),
    seen: () => readFileSync(file('log'), 'utf8').split('\n').filter(Boolean).map(subcommand),
    hasKilled: () => existsSync(file('killed')),
    isPaused: () => existsSync(file('paused')),
    release: () => writeFileSync(file('released'), ''),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function subcommand(line: string): string {
  return line.replaceAll(/--(?:no-pager|no-optional-locks|literal-pathspecs|git-dir=\S+|work-tree=\S+) /g, '');
}

/** The parent is the daemon: it starts git directly, and what git starts comes from git's own folder. */
function wrapper(folder: string, git: string): string {
  return `#!/bin/sh
exec 9>>'${folder}/lock'
flock 9
read -r number < '${folder}/count'
number=$((number + 1))
echo "$number" > '${folder}/count'
echo "$*" | head -n 1 >> '${folder}/log'
read -r moment at < '${folder}/plan'
if [ "$number" != "$at" ]; then
  exec 9>&-
  exec '${git}' "$@"
fi
if [ "$moment" = pause ]; then
  : > '${folder}/paused'
  exec 9>&-
  # Bounded: whoever asked for the pause is gone with the folder.
  while [ -e '${folder}/paused' ] && ! [ -e '${folder}/released' ]; do sleep 0.02; done
  exec '${git}' "$@"
fi
: > '${folder}/killed'
exec 9>&-
case "$moment" in
  before) kill -KILL "$PPID"; exit 1 ;;
  during) kill -KILL "$PPID"; exec '${git}' "$@" ;;
  after) '${git}' "$@"; code=$?; kill -KILL "$PPID"; exit "$code" ;;
esac
exec '${git}' "$@"
`;
}
