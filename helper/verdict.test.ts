import { describe, expect, it } from 'vitest';
import { judge } from './verdict.ts';
import type { StepFacts } from './verdict.ts';

const ended: StepFacts = {
  killedFor: null,
  began: true,
  exitCode: 0,
  signal: null,
  reportedExitCode: 0,
  events: { outOfMemoryKills: 0, refusedForks: 0 },
  diskIsFull: false,
  printed: '',
};
const failed: StepFacts = { ...ended, exitCode: 1, reportedExitCode: 1 };
const killed: StepFacts = { ...ended, exitCode: null, signal: 'SIGKILL', reportedExitCode: null };
const everythingFull = { diskIsFull: true, events: { outOfMemoryKills: 1, refusedForks: 1 } };

describe('the verdict on a step', () => {
  it.each<[string, StepFacts, string | number]>([
    ['success', ended, 0],
    [
      'success even though a limit was met on the way',
      { ...ended, diskIsFull: true, events: { outOfMemoryKills: 0, refusedForks: 1 } },
      0,
    ],
    ['failure with its exact code', { ...ended, exitCode: 139, reportedExitCode: 139 }, 139],
    ['the limit it was killed for', { ...killed, killedFor: 'wall' }, 'wall'],
    ['that limit and not what else was met', { ...killed, killedFor: 'output', ...everythingFull }, 'output'],
    [
      'memory, when the kernel killed for it',
      { ...killed, events: { outOfMemoryKills: 1, refusedForks: 0 } },
      'memory',
    ],
    ['memory, when only one process was killed', { ...failed, ...everythingFull }, 'memory'],
    ['memory, even when the rest succeeded', { ...ended, ...everythingFull }, 'memory'],
    ['disk, when it failed on full room', { ...failed, diskIsFull: true }, 'disk'],
    [
      'processes, when it failed and forks were refused',
      { ...failed, events: { outOfMemoryKills: 0, refusedForks: 3 } },
      'processes',
    ],
  ])('is %s', (_, facts, expected) => {
    const limited = typeof expected === 'string';
    expect(judge(facts)).toEqual({
      ok: true,
      value: { exitCode: limited ? null : expected, signal: null, limit: limited ? expected : null },
    });
  });

  it.each<[string, StepFacts, RegExp]>([
    ['the command never began', { ...failed, began: false, printed: 'bwrap: no' }, /could not be set up: bwrap: no/],
    ['it never began although the exit code is 0', { ...ended, began: false }, /could not be set up/],
    [
      'the memory did not suffice to begin',
      { ...failed, began: false, ...everythingFull },
      /memory limit is too small/,
    ],
    ['somebody else killed bubblewrap', killed, /killed from outside \(SIGKILL\)/],
    ['bubblewrap did not report', { ...failed, reportedExitCode: null }, /without reporting/],
    ['bubblewrap reported another code than it ended with', { ...ended, reportedExitCode: 1 }, /without reporting/],
  ])('is none when %s: a broken sandbox is not a failing check', (_, facts, why) => {
    expect(judge(facts)).toEqual({ ok: false, why: expect.stringMatching(why) });
  });
});
