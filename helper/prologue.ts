/** What runs inside the sandbox around the command: a shell script, and the lines that tell it what to do. */
import { reportBytesMax } from '#contract/helper-wire.ts';
import type { Step, Workspace } from '#contract/helper-wire.ts';
import type { Answer } from './answer.ts';
import { forwarderPath } from './forwarder.ts';
import { reportSearch } from './report-search.ts';
import { descriptors } from './sandbox-view.ts';
import { inside } from './workspace.ts';

const { status, reports } = descriptors;
/** Searching and reading reports, before it is ended and what came so far counts as cut. */
export const reportSecondsMax = 10;

/**
 * Runs as the untrusted user. Its input brings, in lines, where to begin, how deep, and what to look for (`reportSearch`),
 * and it hands out the files it finds, one behind the other. Names travel between programs ended by NUL, and links are
 * not followed.
 * "u" on the status descriptor says that a file could not be read.
 */
const collector = `while IFS= read -r start && IFS= read -r depth && IFS= read -r name; do
  find "./$start" -maxdepth "$depth" -regextype posix-extended -type f -regex "$name" -print0 || [ ! -e "./$start" ] || printf u >&${status}
done | sort -zu | { xargs -0 -r cat -- || printf u >&${status}; } | head -c ${reportBytesMax + 1} >&${reports}
`;

/** What a layer has in the place of a folder of the tree gives way, so that nothing is ever written through a link of it. */
const makeWay = `for each; do
  if [ -L "$each" ] || { [ -e "$each" ] && [ ! -d "$each" ]; }; then rm -f -- "$each"; fi
done`;

/**
 * Runs inside the sandbox, as the untrusted user, before the step's command; nothing untrusted runs until its last lines.
 * Parameters: what the command is started through (limits), possibly nothing.
 * Status letters tell whoever watches: "h" when the sandbox stands, "r" when the tree is complete and the command is about
 * to start; the command itself does not get the descriptor, so it cannot write either letter. (Both descriptors are sockets,
 * which cannot be opened anew through /proc.)
 * Standard input brings what `prologueInput` writes. Its end before that is complete means that whoever asked has died,
 * before the kernel was told to let this die with it: then nothing may start.
 *
 * Where an earlier set-up has left a layer, the tree wins: whatever stands in the way of a file of the tree is removed first.
 * In a set-up with a door the forwarder is started, and is there when the command begins. It is nobody's child but the
 * sandbox's init's, so the command does not meet it when it waits for its own, and it ends with the sandbox.
 *
 * Without reports the command takes this shell's place. With them the shell waits for it, ends whatever it has left running
 * (so that nothing stirs in the tree any more), says "e", and hands out what the collector finds: "c" when that is all. The
 * exit code stays the command's. It runs in a session of its own: a script that ends by killing its process group must not
 * take this shell along.
 */
export const prologue = `set -eu
printf h >&${status}
read -r word remove delta layer door searches lines
[ "$word" = go ]
IFS= read -r command
while [ "$lines" -gt 1 ]; do
  IFS= read -r line
  command="$command
$line"
  lines=$((lines - 1))
done
wanted=
while [ "$searches" -gt 0 ]; do
  IFS= read -r line
  wanted="$wanted$line
"
  searches=$((searches - 1))
done
bring() {
  if [ "$layer" = yes ]; then
    cd "$1"
    find . -mindepth 1 -type d -print0 | (cd ${inside.work} && xargs -0 -r /bin/sh -c '${makeWay}' sh)
    find . -mindepth 1 ! -type d -print0 | (cd ${inside.work} && xargs -0 -r rm -rf --)
  fi
  cp -a "$1"/. ${inside.work}/
}
if [ -d ${inside.layerTree} ]; then
  cp -a ${inside.layerTree}/. ${inside.work}/
  cp -a ${inside.layerHome}/. ${inside.home}/
fi
if [ -d ${inside.base} ]; then bring ${inside.base}; fi
cd ${inside.work}
if [ "$remove" = yes ]; then xargs -0 rm -rf --; fi
if [ "$delta" = yes ]; then bring ${inside.delta}; fi
cd ${inside.work}
if [ "$door" = yes ]; then
  said=$(node --v8-pool-size=1 ${forwarderPath} </dev/null ${status}>&- ${reports}>&- &)
  [ "$said" = listening ]
  unset said
fi
ulimit -c 0
unset OLDPWD
printf r >&${status}
exec </dev/null
if [ -z "$wanted" ]; then
  exec ${status}>&- ${reports}>&-
  exec "$@" /bin/sh -c "$command"
fi
exec 9>&2 2>/dev/null
code=0
setsid "$@" /bin/sh -c "$command" ${status}>&- ${reports}>&- 2>&9 9>&- || code=$?
kill -s KILL -- -1 || :
exec 9>&-
printf e >&${status}
cd ${inside.work} && printf %s "$wanted" |
  timeout -s KILL ${reportSecondsMax} /bin/sh -c '${collector}' && printf c >&${status} || :
exit "$code"
`;

/** What the prologue reads: permission to begin with what is to come, the command, searches for reports, removed paths. */
export function prologueInput(
  step: Step,
  { remove, delta, layer }: Pick<Workspace, 'remove' | 'delta' | 'layer'>,
  hasDoor: boolean,
): Answer<Buffer> {
  if (step.command.includes('\0')) return { ok: false, why: `The command of "${step.name}" holds a NUL.` };
  const searches: string[] = [];
  for (const pattern of step.reports) {
    const search = reportSearch(pattern);
    if (!search.ok) return search;
    const { start, depthMax, name } = search.value;
    searches.push(start, `${depthMax}`, name);
  }
  const lines = step.command.split('\n');
  const choices = [remove.length > 0, delta !== null, layer !== undefined, hasDoor].map((yes) => (yes ? 'yes' : 'no'));
  const words = ['go', ...choices, searches.length, lines.length];
  const text = [words.join(' '), ...lines, ...searches].map((line) => `${line}\n`).join('');
  return { ok: true, value: Buffer.from(`${text}${remove.map((path) => `${path}\0`).join('')}`, 'utf8') };
}
