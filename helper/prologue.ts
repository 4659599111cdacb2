/** What runs inside the sandbox around the command: a shell script, and the lines that tell it what to do. */
import { reportBytesMax } from '#contract/helper-wire.ts';
import type { Step } from '#contract/helper-wire.ts';
import type { Answer } from './answer.ts';
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

/**
 * Runs inside the sandbox, as the untrusted user, before the step's command; nothing untrusted runs until its last lines.
 * Parameters: what the command is started through (limits), possibly nothing.
 * Status letters tell whoever watches: "h" when the sandbox stands, "r" when the tree is complete and the command is about
 * to start; the command itself does not get the descriptor, so it cannot write either letter. (Both descriptors are sockets,
 * which cannot be opened anew through /proc.)
 * Standard input brings what `prologueInput` writes. Its end before that is complete means that whoever asked has died,
 * before the kernel was told to let this die with it: then nothing may start.
 *
 * Without reports the command takes this shell's place. With them the shell waits for it, ends whatever it has left running
 * (so that nothing stirs in the tree any more), says "e", and hands out what the collector finds: "c" when that is all. The
 * exit code stays the command's. It runs in a session of its own: a script that ends by killing its process group must not
 * take this shell along.
 */
export const prologue = `set -eu
printf h >&${status}
read -r word remove delta searches lines
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
if [ -d ${inside.base} ]; then cp -a ${inside.base}/. ${inside.work}/; fi
cd ${inside.work}
if [ "$remove" = yes ]; then xargs -0 rm -rf --; fi
if [ "$delta" = yes ]; then cp -a ${inside.delta}/. ${inside.work}/; fi
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
export function prologueInput(step: Step, remove: readonly string[], hasDelta: boolean): Answer<Buffer> {
  if (step.command.includes('\0')) return { ok: false, why: `The command of "${step.name}" holds a NUL.` };
  const searches: string[] = [];
  for (const pattern of step.reports) {
    const search = reportSearch(pattern);
    if (!search.ok) return search;
    const { start, depthMax, name } = search.value;
    searches.push(start, `${depthMax}`, name);
  }
  const lines = step.command.split('\n');
  const words = ['go', remove.length > 0 ? 'yes' : 'no', hasDelta ? 'yes' : 'no', searches.length, lines.length];
  const text = [words.join(' '), ...lines, ...searches].map((line) => `${line}\n`).join('');
  return { ok: true, value: Buffer.from(`${text}${remove.map((path) => `${path}\0`).join('')}`, 'utf8') };
}
