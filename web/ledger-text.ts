import { usd } from './format.ts';
import type { LedgerEntry, LedgerKind } from '#contract/ledger.ts';
import { maskTokens } from '#contract/token-shapes.ts';

/** What an entry says in words. The body adds a name, a title or a reason where it has one. */
const sentences: Record<LedgerKind, string> = {
  'daemon.started': 'patchgit started',
  'daemon.stopped': 'patchgit stopped',
  'budget.loaded': 'The budget was read',
  'budget.changed': 'The budget was changed',
  'budget.refused': 'A changed budget was refused',
  'price.taken': 'A price was set',
  'spend.approved': 'Extra spend was approved',
  'spend.withdrawn': 'An approval was withdrawn',
  'spend.refused': 'A spend was refused',
  'spend.reserved': 'Money was set aside',
  'spend.posted': 'A cost was booked',
  'spend.voided': 'A reservation was given back',
  'enrol_link.made': 'A one-time link was made',
  'enrol_link.refused': 'A one-time link was refused',
  'device.enrolled': 'A device was enrolled',
  'device.revoked': 'A device was revoked',
  'pin.chosen': 'The PIN was chosen',
  'pin.changed': 'The PIN was changed',
  'pin.reset': 'The PIN was reset',
  'session.opened': 'Unlocked',
  'session.refused': 'A wrong PIN was refused',
  'session.ended': 'Locked',
  'request.refused': 'A request was refused',
  'repository.added': 'A repository was added',
  'repository.changed': 'A repository was changed',
  'repository.removed': 'A repository was removed',
  'repository.fetched': 'A repository was fetched',
  'repository.unreachable': 'A repository could not be reached',
  'thread.created': 'A thread was begun',
  'message.accepted': 'A message was accepted',
  'message.answered': 'A message was answered',
  'job.queued': 'A job was queued',
  'job.started': 'A job started',
  'job.planned': 'The plan was made',
  'job.patched': 'The patch applies',
  'job.resumed': 'A job was resumed',
  'job.cancel_asked': 'Stopping a job was asked',
  'job.stopped_at_cap': 'A job was stopped at the cap',
  'job.continued': 'A stopped job goes on',
  'job.proposed': 'A proposal is ready',
  'job.refused': 'A job was refused',
  'job.failed': 'A job failed',
  'job.cancelled': 'A job was stopped',
  'check.completed': 'A check completed',
  'proposal.frozen': 'A proposal was frozen',
  'proposal.superseded': 'A proposal was replaced',
  'proposal.base_moved': 'The base moved',
  'proposal.escalated': 'A stronger proof was asked for',
  'decision.recorded': 'A decision was recorded',
  'decision.refused': 'A decision was refused',
  'publication.committed': 'The commit was made',
  'publication.pushed': 'The branch was pushed',
  'publication.opened': 'The pull request was opened',
  'publication.refused': 'Publishing was refused',
  'publication.unknown': 'The outcome of publishing is unknown',
  'publication.undo_asked': 'Undo was asked',
  'publication.closed': 'The pull request was closed',
  'publication.undone': 'The branch was deleted, undo is complete',
  'outcome.merged': 'The pull request was merged',
  'outcome.closed': 'The pull request was closed',
  'outcome.reopened': 'The pull request was opened again',
  'outcome.checks_failed': 'The repository’s own CI failed',
  'outcome.checks_passed': 'The repository’s own CI passed',
  'outcome.pushed_by_others': 'Somebody else pushed to the branch',
  'outcome.commented': 'The pull request was commented',
  'outcome.not_marked': 'Labels and status were refused',
  'intake.accepted': 'A request from the forge was taken',
  'intake.ignored': 'A request from somebody else was ignored',
  'intake.refused': 'A request from the forge could not be taken',
  'lease.planned': 'A helper was planned',
  'lease.asked': 'A helper was ordered',
  'lease.refused': 'The cloud refused a helper',
  'lease.unknown': 'The order of a helper was not answered',
  'lease.booting': 'A helper is booting',
  'lease.ready': 'A helper is ready',
  'lease.destroying': 'A helper is being destroyed',
  'lease.trouble': 'Trouble with a helper',
  'lease.gone': 'A helper is gone',
  'lease.stray': 'A machine that no job owns was found',
  'lease.stray_gone': 'A machine that no job owned is gone',
  'bake.started': 'An image for helpers is being made',
  'bake.snapshot_asked': 'The cloud was asked for a snapshot of a helper',
  'bake.good': 'An image for helpers is ready',
  'bake.failed': 'An image for helpers was not made',
  'bake.snapshot_deleted': 'An image for helpers was deleted',
  'backup.made': 'A backup was made',
};

/** Members of a body that name what the entry is about, most telling first. */
const telling = ['title', 'name', 'decision', 'purpose', 'why', 'branch', 'message', 'verdict'] as const;
const detailCharactersMax = 160;

export function sentenceOf(entry: Pick<LedgerEntry, 'kind' | 'body'>): string {
  // A page may be older than the server by one release: then the kind itself is the sentence.
  const known: Partial<Record<string, string>> = sentences;
  const sentence = known[entry.kind] ?? entry.kind;
  // Before anything else is done to it: half a token, or one without its "_", has no shape that is known.
  const detail = maskTokens(detailOf(entry.body)).replaceAll('_', ' ');
  return detail === '' ? sentence : `${sentence}: ${detail.slice(0, detailCharactersMax)}`;
}

function detailOf(body: LedgerEntry['body']): string {
  const { problem, newFailures } = body;
  if (typeof problem === 'object' && problem !== null && 'message' in problem) return String(problem.message);
  const found = telling.map((member) => body[member]).find((value) => typeof value === 'string' && value !== '');
  const detail = `${typeof found === 'string' ? found : ''}${typeof body['usd'] === 'number' ? `, ${usd(body['usd'])}` : ''}`;
  return typeof newFailures === 'number' && newFailures > 0 ? `${detail}, ${newFailures} new failing` : detail;
}

/** Who did it. */
export function actorText(actor: LedgerEntry['actor']): string {
  return { owner: 'You', system: 'patchgit', stranger: 'A stranger' }[actor];
}

export interface KindGroup {
  readonly name: string;
  readonly prefixes: readonly string[];
}

/** The chips of the audit page. */
export const kindGroups: readonly KindGroup[] = [
  { name: 'Decisions', prefixes: ['decision'] },
  { name: 'Publishing', prefixes: ['publication', 'outcome', 'intake'] },
  { name: 'Jobs', prefixes: ['job', 'check', 'proposal'] },
  { name: 'Spend', prefixes: ['spend', 'price', 'budget'] },
  { name: 'Helper', prefixes: ['lease', 'bake'] },
  { name: 'Chat', prefixes: ['thread', 'message'] },
  { name: 'Repositories', prefixes: ['repository'] },
  { name: 'Sign-in', prefixes: ['enrol_link', 'device', 'pin', 'session'] },
  { name: 'System', prefixes: ['daemon', 'backup', 'request'] },
];

export function inGroup(entry: Pick<LedgerEntry, 'kind'>, group: KindGroup | null): boolean {
  return group === null || group.prefixes.some((prefix) => entry.kind.startsWith(`${prefix}.`));
}
