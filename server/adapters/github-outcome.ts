import { z } from 'zod';
import type { FailedCheck, ForgeChecks, PullOutcome } from '#contract/forge.ts';
import type { Problem } from '#contract/problem.ts';
import { problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../lib/result.ts';
import type { Forge } from '../ports.ts';
import type { Question } from './github-ask.ts';
import { CheckRuns, CombinedStatus, PullAnswer, type CheckRun } from './github-answers.ts';
import type { Session } from './github-credential.ts';
import { isProof, proofContext } from './github-marks.ts';
import { readJobLog } from './github-job-log.ts';
import type { Place } from './github-pulls.ts';

/** How each of the three answers was marked when it was last new. */
const Seen = z.object({ pull: z.string().nullable(), status: z.string().nullable(), checks: z.string().nullable() });
type Seen = z.infer<typeof Seen>;

const rowsMax = 100;
const failedMax = 20;
const failedWithTextMax = 5;
const textCharactersMax = 8000;
/** What a check run ends with when nothing is wrong. */
const goodConclusions = ['success', 'neutral', 'skipped'];

/**
 * Polite: three questions that cost nothing when nothing has changed. When one has an answer, the others are asked for theirs again,
 * because nothing is kept here between two looks.
 */
export async function outcome(
  session: Session,
  place: Place,
  pull: Parameters<Forge['outcome']>[1],
  seenBefore: string | null,
): ReturnType<Forge['outcome']> {
  const before = readSeen(seenBefore);
  const questions = questionsOf(place, pull);
  const pullNow = await askIfNew(session, place, questions.pull, before.pull);
  if (!pullNow.ok) return pullNow;
  const status = await askIfNew(session, place, questions.status, before.status);
  if (!status.ok) return status;
  const checks = await askIfNew(session, place, questions.checks, before.checks);
  if (!checks.ok) return checks;
  if (pullNow.value === null && status.value === null && checks.value === null) return ok(null);
  const whole = {
    pull: pullNow.value ?? (await askNow(session, place, questions.pull)),
    status: status.value ?? (await askNow(session, place, questions.status)),
    checks: checks.value ?? (await askNow(session, place, questions.checks)),
  };
  const [pullAnswer, statusAnswer, checksAnswer] = [whole.pull, whole.status, whole.checks];
  if (!pullAnswer.ok) return pullAnswer;
  if (!statusAnswer.ok) return statusAnswer;
  if (!checksAnswer.ok) return checksAnswer;
  const judged = checksOf(statusAnswer.value, checksAnswer.value);
  const failed = await withLogs(session, place, judged.failed);
  const seen: Seen = { pull: pullAnswer.etag, status: statusAnswer.etag, checks: checksAnswer.etag };
  const now = outcomeOf(pullAnswer.value, { ...judged, failed });
  return ok({ outcome: now, seen: JSON.stringify(seen) });
}

interface Asked<T> {
  readonly question: Question<T>;
  readonly unread: T | null;
}

function questionsOf({ name }: Place, { number, commit }: Parameters<Forge['outcome']>[1]) {
  const [owner, repo, ref] = [name.owner, name.name, commit];
  const pull: Question<PullAnswer> = {
    doing: 'say what has become of the pull request',
    isWrite: false,
    schema: PullAnswer,
    send: (octokit, headers) => octokit.rest.pulls.get({ owner, repo, pull_number: number, headers }),
  };
  const status: Question<CombinedStatus> = {
    doing: 'say what CI says',
    isWrite: false,
    schema: CombinedStatus,
    send: (octokit, headers) =>
      octokit.rest.repos.getCombinedStatusForRef({ owner, repo, ref, per_page: rowsMax, headers }),
  };
  const checks: Question<z.infer<typeof CheckRuns>> = {
    doing: 'say what CI says',
    isWrite: false,
    schema: CheckRuns,
    send: (octokit, headers) =>
      octokit.rest.checks.listForRef({ owner, repo, ref, filter: 'latest', per_page: rowsMax, headers }),
  };
  return {
    pull: { question: pull, unread: null },
    status: { question: status, unread: { total_count: 0, statuses: [] } },
    checks: { question: checks, unread: { total_count: 0, check_runs: [] } },
  };
}

type Answered<T> = { readonly ok: true; readonly value: T; readonly etag: string | null };

/** In the place of an etag: it may not be read, which is looked at again each time, and is no news. */
const refusedMark = 'refused';

/** `unread` is what counts where it may not be read: a fine-grained token often may not read checks, and the rest goes on. */
async function askIfNew<T>(
  session: Session,
  place: Place,
  { question, unread }: Asked<T>,
  etag: string | null,
): Promise<Result<Answered<T> | null, Problem>> {
  const reply = await session.ask({ ...question, etag: etag === refusedMark ? null : etag }, place.name);
  if (reply.ok) return ok({ ok: true, value: reply.value.value, etag: reply.value.headers['etag'] ?? null });
  if (etag !== null && reply.why.status === 304) return ok(null);
  if (unread === null || reply.why.problem.code !== 'forge_forbidden') return no(reply.why.problem);
  return ok(etag === refusedMark ? null : { ok: true, value: unread, etag: refusedMark });
}

async function askNow<T>(
  session: Session,
  place: Place,
  asked: Asked<T>,
): Promise<Answered<T> | { readonly ok: false; readonly why: Problem }> {
  const answered = await askIfNew(session, place, asked, null);
  if (!answered.ok) return answered;
  return answered.value ?? no(problem('forge_unreachable', 'GitHub said only that nothing has changed.'));
}

function outcomeOf(answer: PullAnswer, checks: ForgeChecks): PullOutcome {
  const at = (time: string | null): number | null => (time === null ? null : Date.parse(time));
  const isMerged = answer.merged_at !== null;
  return {
    state: isMerged ? 'merged' : answer.state,
    isDraft: answer.draft ?? false,
    head: answer.head.sha,
    mergedAtMs: at(answer.merged_at),
    // Before the merge it names a trial of GitHub's own.
    mergeCommit: isMerged ? answer.merge_commit_sha : null,
    closedAtMs: at(answer.closed_at),
    comments: answer.comments ?? 0,
    checks,
  };
}

/** A failure that GitHub Actions' own log may explain. */
type Failed = FailedCheck & { readonly actionsJob: number | null };

/** What the repository's own CI says: everything but the proof that patchgit itself put there. */
function checksOf(
  { statuses }: CombinedStatus,
  { check_runs: runs, total_count: runsTotal }: z.infer<typeof CheckRuns>,
): { state: ForgeChecks['state']; total: number; failed: Failed[] } {
  const others = statuses.filter(({ context }) => context !== proofContext);
  const otherRuns = runs.filter((run) => !isProof(run));
  const total = others.length + otherRuns.length + Math.max(0, runsTotal - runs.length);
  const failedRuns = otherRuns.filter(({ status, conclusion }) => status === 'completed' && !isGood(conclusion));
  const failedStatuses = others.filter(({ state }) => state === 'failure' || state === 'error');
  const isPending =
    runsTotal > runs.length ||
    otherRuns.some(({ status }) => status !== 'completed') ||
    others.some(({ state }) => state === 'pending');
  const failed = [...failedRuns.map(failedRun), ...failedStatuses.map(failedStatus)].slice(0, failedMax);
  if (failed.length > 0) return { state: 'failure', total, failed };
  return { state: total === 0 ? 'none' : isPending ? 'pending' : 'success', total, failed };
}

function isGood(conclusion: string | null): boolean {
  return conclusion !== null && goodConclusions.includes(conclusion);
}

function failedRun(run: CheckRun): Failed {
  const { title = null, summary = null, text = null } = run.output ?? {};
  const said = [title, summary, text].filter((part) => part !== null && part !== '').join('\n\n');
  return {
    name: run.name.slice(0, 200),
    conclusion: (run.conclusion ?? 'unknown').slice(0, 40),
    url: run.details_url ?? null,
    text: bounded(said),
    actionsJob: run.app?.slug === 'github-actions' ? run.id : null,
  };
}

function failedStatus({ context, state, description, target_url }: CombinedStatus['statuses'][number]): Failed {
  const name = context.slice(0, 200);
  return { name, conclusion: state, url: target_url ?? null, text: bounded(description ?? ''), actionsJob: null };
}

/** The check runs of GitHub Actions say nothing themselves: what went wrong stands at the end of the log of their job. */
async function withLogs(session: Session, place: Place, failed: readonly Failed[]): Promise<FailedCheck[]> {
  const explained: FailedCheck[] = [];
  for (const { actionsJob, ...check } of failed) {
    const isWorthwhile = actionsJob !== null && explained.length < failedWithTextMax;
    const log = isWorthwhile ? await readJobLog(session, place, actionsJob) : null;
    explained.push(log === null ? check : { ...check, text: bounded([check.text, log].filter(Boolean).join('\n\n')) });
  }
  return explained;
}

/** What failed stands at the end more often than at the beginning. */
function bounded(text: string): string {
  return text.length <= textCharactersMax ? text : `…${text.slice(1 - textCharactersMax)}`;
}

/** What cannot be read any more means only that everything is new. */
function readSeen(seen: string | null): Seen {
  const nothing: Seen = { pull: null, status: null, checks: null };
  if (seen === null || !/^\{.*\}$/s.test(seen)) return nothing;
  try {
    const read = Seen.safeParse(JSON.parse(seen));
    return read.success ? read.data : nothing;
  } catch (error) {
    if (error instanceof SyntaxError) return nothing;
    throw error;
  }
}
