/** Why a set-up failed, as far as what it printed shows it. Its output is untrusted: it makes sentences, and never a verdict. Pure. */
import type { StepOutcome } from '#contract/helper-wire.ts';
import { isMissing } from './sides.ts';

/** The door to the registries writes its refusals into the log, each once, behind this word. */
const doorSays = /^patchgit: (.{1,300})$/gm;
const doorSentencesMax = 3;
const notOnList = /^The host "([a-z0-9.-]{1,253})" was asked for and is not on the list/;

const unreachable =
  /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT)\b|[Cc]ould not resolve host|[Nn]ame resolution|Network is unreachable|[Tt]unnel(?:ing socket|\s+connection failed)|ProxyError|UnknownHostException|dial tcp|Could not (?:reach|connect to)|Failed to (?:open TCP connection|connect to)/;

/** `log`: what it printed. Empty when nothing can be told beyond its exit. */
export function setUpTrouble(command: string, outcome: Pick<StepOutcome, 'exitCode' | 'limit'>, log: string): string[] {
  if (outcome.exitCode === 0 && outcome.limit === null) return [];
  const said = [...log.matchAll(doorSays)].map(([, sentence = '']) => sentence.trim());
  const refused = [...new Set(said)].slice(0, doorSentencesMax).map(toSentence);
  if (refused.length > 0) return refused;
  if (outcome.limit !== null) return [];
  if (isMissing(outcome))
    return [`"${shorten(command)}" could not be started: a program that it names is not in the sandbox.`];
  return unreachable.test(log) ? ['A package registry could not be reached, or did not answer.'] : [];
}

function toSentence(said: string): string {
  const host = notOnList.exec(said)?.[1];
  return host === undefined
    ? `The way to the registries says: ${said}`
    : `It asked for ${host}, which is not on the list of hosts in budget.json (setup.hosts).`;
}

const commandShownMax = 80;

function shorten(command: string): string {
  const line = command.replaceAll(/\s+/g, ' ');
  return line.length > commandShownMax ? `${line.slice(0, commandShownMax - 1)}…` : line;
}
