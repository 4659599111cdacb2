import type { Octokit } from '@octokit/rest';
import { z } from 'zod';
import type { Problem } from '#contract/problem.ts';
import { AssertionError } from '../lib/assert.ts';
import type { KnownSecret } from '../lib/redact.ts';
import { no, ok, type Result } from '../lib/result.ts';
import type { Clock, Log } from '../ports.ts';
import { rateGate, type Headers } from './github-gate.ts';
import { LostAnswer, strictFetch } from './github-http.ts';
import {
  movedProblem,
  notSentProblem,
  refusalOf,
  shown,
  unknownProblem,
  wordsOf,
  type RefusalContext,
} from './github-refusals.ts';
import { NotSent } from './push-wire.ts';

export interface GitHubOptions {
  /** As `gitHubAddress` of the configuration makes them. */
  readonly apiUrl: string;
  readonly gitOrigin: string;
  readonly credential: 'token' | 'app';
  /** For each request, from its first byte to the last byte of its answer. */
  readonly wallMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Every credential of now: taken out of whatever is said. */
  readonly known: () => readonly KnownSecret[];
  /** The socket of patchgit-push, where that holds the credential. */
  readonly through?: string;
}

/** One request: what it is for, and what its answer must look like. */
export interface Question<T> {
  /** For the sentences and the log: "open the pull request". */
  readonly doing: string;
  readonly isWrite: boolean;
  readonly schema: z.ZodType<T>;
  readonly send: (octokit: Octokit, headers: Record<string, string>) => Promise<unknown>;
  /** What an earlier answer was marked with: a 304 costs nothing. */
  readonly etag?: string | null;
  /** The answer is to be an address elsewhere (302), which is handed on and not followed. */
  readonly isElsewhere?: boolean;
}

export interface Reply<T> {
  readonly value: T;
  readonly headers: Headers;
}

/** `status` is null when there was no answer of GitHub's own. 304 is here too: nothing new was said. */
export interface Refusal {
  readonly status: number | null;
  readonly words: string;
  readonly problem: Problem;
}

export interface Asker {
  /** Sends once. Never rejects for what the far end did. `authorization` is the whole value of the header, or null. */
  readonly ask: <T>(question: Question<T>, authorization: string | null) => Promise<Result<Reply<T>, Refusal>>;
  /** The time as GitHub has it, as far as it was told. */
  readonly forgeNowMs: () => number;
}

const answerBytesMax = 8 * 1024 * 1024;
const apiVersion = '2022-11-28';
const Answered = z.object({ status: z.int(), headers: z.record(z.string(), z.unknown()), data: z.unknown() });
type Answered = z.infer<typeof Answered>;

/**
 * One request through octokit, and what its answer means. Octokit has no plugin that would repeat a request, and nothing of its
 * errors leaves here: they carry what was sent. Every 5xx of octokit's is "unknown": it says 500 where nobody answered.
 */
export function gitHubAsker(options: GitHubOptions): Asker {
  const { clock, log, known } = options;
  let skewMs = 0;
  const gate = rateGate(clock, () => skewMs);
  let opened: Promise<Octokit> | null = null;
  return {
    forgeNowMs: () => clock.nowMs() + skewMs,
    ask: async (question, authorization) => {
      const { doing, isWrite } = question;
      const shut = gate.shut();
      if (shut !== null) return no({ status: null, words: '', problem: shut });
      opened ??= openOctokit(options);
      const startedAtMs = clock.nowMs();
      const context: RefusalContext = {
        doing,
        isWrite,
        credential: options.credential,
        isHeldApart: options.through !== undefined,
        webOrigin: options.gitOrigin,
        known: known(),
      };
      const answer = await attempt(await opened, question, authorization, context);
      const date = answer.ok ? answer.value.headers['date'] : undefined;
      const told = typeof date === 'string' ? Date.parse(date) : Number.NaN;
      if (!Number.isNaN(told)) skewMs = told - clock.nowMs();
      const status = answer.ok ? answer.value.status : null;
      const outcome = answer.ok
        ? judge(answer.value, question, context, gate.judge)
        : no({ status: null, words: '', problem: answer.why });
      const why = outcome.ok ? {} : { code: outcome.why.problem.code };
      log.debug({ asked: doing, status, tookMs: clock.nowMs() - startedAtMs, ...why }, 'asked GitHub');
      return outcome;
    },
  };
}

/** Octokit is loaded at the first call: an installation without GitHub need not hold it. */
async function openOctokit({ apiUrl, wallMs, through }: GitHubOptions): Promise<Octokit> {
  const { Octokit } = await import('@octokit/rest');
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const fetch = strictFetch(apiUrl, { wallMs, answerBytesMax, ...(through === undefined ? {} : { through }) });
  return new Octokit({ baseUrl: apiUrl, userAgent: 'patchgit', request: { fetch }, log: silent });
}

async function attempt<T>(
  octokit: Octokit,
  question: Question<T>,
  authorization: string | null,
  context: RefusalContext,
): Promise<Result<Answered, Problem>> {
  const headers: Record<string, string> = { 'x-github-api-version': apiVersion };
  if (authorization !== null) headers['authorization'] = authorization;
  if (question.etag) headers['if-none-match'] = question.etag;
  try {
    return ok(Answered.parse(await question.send(octokit, headers)));
  } catch (error) {
    const origin = error instanceof Error ? (error.cause ?? error) : error;
    if (origin instanceof AssertionError) throw origin;
    if (origin instanceof NotSent) return no(notSentProblem(context, origin));
    const response = typeof error === 'object' && error !== null && 'response' in error ? error.response : null;
    const answered = Answered.safeParse(response);
    if (answered.success) return ok(answered.data);
    return no(unknownProblem(context, origin instanceof LostAnswer ? origin.message : 'its answer could not be read'));
  }
}

function judge<T>(
  answer: Answered,
  { schema, isElsewhere = false }: Question<T>,
  context: RefusalContext,
  judgeRate: ReturnType<typeof rateGate>['judge'],
): Result<Reply<T>, Refusal> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (typeof value === 'string') headers[name.toLowerCase()] = value;
  }
  const { status, data: body } = answer;
  const words = wordsOf(body) ?? '';
  const limited = judgeRate({ status, headers, message: words });
  if (limited !== null) return no({ status, words, problem: limited });
  const refused = (problem: Problem): Result<never, Refusal> =>
    no({ status, words: shown(words, context.known), problem });
  const garbled = (): Result<never, Refusal> =>
    no({ status: null, words: '', problem: unknownProblem(context, 'it answered something unexpected') });
  if (status === 304) return refused(unknownProblem(context, 'it said only that nothing has changed'));
  if (status >= 300 && status < 400 && !(isElsewhere && status === 302)) return refused(movedProblem(context));
  if (isElsewhere && status !== 302) return garbled();
  if (status < 200 || status >= 400) {
    const problem = refusalOf({ status, headers, body }, context);
    if (problem !== null) return refused(problem);
    return status >= 500
      ? no({ status: null, words: '', problem: unknownProblem(context, `it answered with status ${status}`) })
      : garbled();
  }
  const read = schema.safeParse(body);
  return read.success ? ok({ value: read.data, headers }) : garbled();
}
