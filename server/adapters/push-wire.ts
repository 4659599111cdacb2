/**
 * What the daemon and the program of the user patchgit-push say to each other (systemd/patchgit-push.socket): plain HTTP with
 * the whole address in the first line, as to a proxy. The daemon sends no credential and has none; the far side puts it in.
 */
import { Agent, request, type ClientRequest } from 'node:http';
import type { TransferTrouble } from '../ports.ts';

/** In an answer that is not the forge's: "refused CODE" was never sent to it, "lost CODE" may have been. */
export const pushHeader = 'patchgit-push';
/** When the daemon wrote the order, in milliseconds of the clock that all processes of a machine share and nobody sets. */
export const madeAtHeader = 'patchgit-made-at';
/** After so many milliseconds from then on nothing of it may be on its way. */
export const wallHeader = 'patchgit-wall';

/** Why the far side does not send something; each is known not to have been sent. */
export const pushRefusals = {
  elsewhere: 'it speaks to one forge only, and the address is another',
  not_allowed: 'it does nothing of that kind, whoever asks',
  body: 'what was to be sent is more than it may do',
  branch: 'it makes and deletes branches that begin with "patchgit/", one at a time, and nothing else',
  too_late: 'it came to it too late',
} as const;
export type PushRefusal = keyof typeof pushRefusals;

/** Milliseconds since the machine started. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

/** Not sent: it was refused by patchgit-push before anything went out. Its message never holds anything that was to be sent. */
export class NotSent extends Error {
  override readonly name = 'NotSent';
  readonly code: PushRefusal;
  constructor(code: PushRefusal) {
    super(refusalSentence(code));
    this.code = code;
  }
}

export function refusalSentence(code: PushRefusal): string {
  return `patchgit-push did not send it: ${pushRefusals[code]}.`;
}

/** As a trouble of a transfer: what was late may be asked again. */
export function troubleOfRefusal(code: PushRefusal): { readonly trouble: TransferTrouble; readonly detail: string } {
  return { trouble: code === 'too_late' ? 'unreachable' : 'refused', detail: refusalSentence(code) };
}

/** What an answer's header says; null: the answer is the forge's own. An unknown word is no refusal, so nothing is known. */
export function readVerdict(
  said: string | string[] | undefined,
): { readonly refused: PushRefusal } | { readonly lost: string } | null {
  if (said === undefined) return null;
  const [word, code = ''] = (typeof said === 'string' ? said : '').split(' ');
  const refused = Object.keys(pushRefusals).find((each): each is PushRefusal => each === code);
  if (word === 'refused' && refused !== undefined) return { refused };
  return { lost: /^[A-Z][A-Z_0-9]{2,59}$/.test(code) ? code : 'no reason given' };
}

/** Begins a request through the socket to the address. Nothing of it is sent anywhere else, also when the socket is not there. */
export function requestThrough(
  socketPath: string,
  address: string,
  { method, headers, wallMs }: { readonly method: string; readonly headers: object; readonly wallMs: number },
): ClientRequest {
  return request({
    socketPath,
    path: address,
    method,
    agent: new Agent({ keepAlive: false }),
    headers: { ...headers, [madeAtHeader]: String(monotonicMs()), [wallHeader]: String(wallMs) },
  });
}
