import { expect, it } from 'vitest';
import { aLease } from '../../server/testing/helper-views.ts';
import { noBootLogText } from './boot-log.tsx';

const gone = { state: 'gone', readyAtMs: null };
const bootLog = { sha256: 'a'.repeat(64), bytes: 1240, path: `/api/artifacts/${'a'.repeat(64)}` };

it.each<readonly [string, Parameters<typeof aLease>[0], RegExp | null]>([
  ['one that still boots', { state: 'booting', readyAtMs: null }, null],
  ['one that was ready and whose log is on its way', { state: 'ready' }, null],
  ['one whose log is here', { ...gone, bootLog }, null],
  ['one that was never made', { ...gone, machineId: null }, null],
  ['one from before logs were fetched', { state: 'gone' }, null],
  ['one that never answered', gone, /never answered over SSH.*web console/],
  ['one that never answered and is being destroyed', { ...gone, state: 'destroying' }, /never answered over SSH/],
  [
    'one whose log did not come',
    { ...gone, bootLogTrouble: 'It was late.' },
    /^Its console log was not fetched. It was late.$/,
  ],
])('of %s the page says what is so about its log', (_, lease, said) => {
  const text = noBootLogText(aLease(lease));
  if (said === null) expect(text).toBeNull();
  else expect(text).toMatch(said);
});
