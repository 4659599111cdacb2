/**
 * The HTTP API under /api, one entry a route: what goes in and what comes out. Server, page and CLI are built against it.
 * Commands carry a client-made id, so that a retry is safe; a refusal is a `Problem` with the status of its code.
 */
import { z } from 'zod';
import { Budget } from './budget.ts';
import { Thread } from './chat.ts';
import { ForgeChecks } from './forge.ts';
import { ObjectId, Sha256 } from './ids.ts';
import { Job } from './job.ts';
import { HelperView } from './lease.ts';
import { ShownEntry } from './ledger.ts';
import { FileChange } from './patch.ts';
import { Proposal, Publication } from './proposal.ts';
import { Pull, RefName, Repository } from './repository.ts';

/**
 * Routes (all JSON unless said otherwise; `owner` = session cookie, or the unix socket):
 *
 * door (anybody)   GET  /api/hello                             -> Hello
 *                  POST /api/enrol            Enrol            -> Hello           sets the device cookie; the link is used up
 *                  POST /api/pin              Pin              -> Hello           first run only; opens a session
 *                  POST /api/unlock           Pin              -> Hello           opens a session
 *                  POST /api/lock                              -> Hello           ends this session
 * owner            GET  /api/state                             -> State           everything a page needs to start; `seq` for the live stream
 *                  WS   /api/live?after=N                      -> LiveFrame …
 *                  POST /api/pin/change       PinChange        -> Hello
 *                  GET  /api/devices                           -> { devices: Device[] }
 *                  POST /api/devices/links                     -> EnrolLink
 *                  DELETE /api/devices/:id                     -> { devices: Device[] }
 *                  GET  /api/doctor                            -> Doctor
 *                  GET  /api/budget                            -> Budget
 *                  GET  /api/budget/series?range               -> SpendSeries     24 hours or 30 days of what was spent
 *                  GET  /api/budget/export                     -> text/csv        every reservation
 *                  GET  /api/budget/prices                     -> PriceTable
 *                  POST /api/budget/prices    TypePrice        -> PriceTable      the owner types a price that is not known
 *                  DELETE /api/approvals/:id                   -> Budget          withdraws an approval that was not used
 * helper           GET  /api/helper                            -> HelperView      the one that exists or may exist, and those that were
 *                  POST /api/helper/destroy                    -> 202 HelperView  asked of the cloud; gone is when the view says so
 * repositories     GET  /api/forge/candidates                  -> ForgeCandidates  repositories of the connected forge to pick from
 *                  GET  /api/repositories                      -> { repositories: Repository[] }
 *                  POST /api/repositories     NewRepository    -> Repository      fetches it; may take a while
 *                  GET  /api/repositories/:name                -> Repository
 *                  PATCH /api/repositories/:name RepositoryChange -> Repository
 *                  POST /api/repositories/:name/fetch          -> Repository
 *                  GET  /api/repositories/:name/check          -> RepositoryReport
 *                  DELETE /api/repositories/:name              -> { repositories: Repository[] }   the mirror, never the origin
 *                  GET  /api/repositories/:name/branches       -> { branches: string[] }
 *                  GET  /api/repositories/:name/pulls          -> { pulls: Pull[] }
 *                  GET  /api/repositories/:name/pulls/:number  -> PullPage
 * chat             GET  /api/threads                           -> { threads: Thread[] }
 *                  POST /api/threads          NewThread        -> Thread
 *                  GET  /api/threads/:id/messages              -> { messages: Message[] }
 *                  POST /api/threads/:id/messages NewMessage   -> 202 Message     same id again: the first result; same id, other content: 409 id_conflict
 *                  GET  /api/messages/:id                      -> Message         "did it arrive?"
 * jobs             GET  /api/jobs?limit                        -> { jobs: Job[] }
 *                  POST /api/jobs?id&repository&base&title&approveExtraUsd  (body: the patch's bytes, application/octet-stream) -> 202 Job
 *                  GET  /api/jobs/:id                          -> Job
 *                  POST /api/jobs/:id/cancel                   -> Job
 *                  POST /api/jobs/:id/continue ResumeJob       -> 202 Job         after a stop at the cap: the same plan, or a cheaper one
 * proposals        GET  /api/proposals                         -> { proposals: ProposalRow[] }
 *                  GET  /api/proposals/:id                     -> Proposal
 *                  GET  /api/proposals/:id/diff                -> text/plain      git's own rendering of BASE..TREE
 *                  POST /api/proposals/:id/refresh             -> Proposal        fetches the base and says how it stands
 *                  POST /api/proposals/:id/go      Decide      -> 202 Proposal    recorded; publishing runs under the lock
 *                  POST /api/proposals/:id/reject  Decide      -> Proposal
 *                  POST /api/proposals/:id/revise  Decide      -> Proposal        closed with the owner's note; the chat takes over
 *                  POST /api/proposals/:id/prove-again         -> 202 Job         a new job with the same patch on today's base
 *                  POST /api/proposals/:id/escalate Escalate   -> 202 Job         the same, in the stronger way that the proposal names
 *                  POST /api/proposals/:id/undo                -> 202 Proposal
 *                  POST /api/proposals/:id/fix                 -> 202 Message     a request with what the red CI said
 * machines         POST /api/hooks/github                      -> 202             signed; only says where to look
 * evidence         GET  /api/artifacts/:sha256?download&exact  -> bytes, text/plain, nosniff, sandboxed; secrets in a patch are masked unless exact
 * record           GET  /api/audit?AuditFilter                 -> AuditPage       what has the shape of a credential is masked, and it says so
 *                  GET  /api/audit/verify                      -> ChainVerdict
 *                  GET  /api/audit/export                      -> application/jsonl  every entry as it is: each hash can be computed from it
 * unix socket only POST /api/local/pin-reset                   -> EnrolLink       forgets the PIN, ends sessions; the link sets a new one
 *                  POST /api/local/device-link                 -> EnrolLink
 *                  POST /api/local/backup     { folder }       -> { folder, bytes }
 */

export const Decide = z.strictObject({
  /** The digest of what was on the screen. Anything else is `stale_digest`. */
  digest: Sha256,
  note: z.string().trim().max(2000).optional(),
  /** Typed again where a gate asks for it; never needed over the unix socket. */
  pin: z.string().min(1).max(200).optional(),
});
export type Decide = z.infer<typeof Decide>;

export const ProposalRow = z.object({
  id: z.string(),
  jobId: z.string(),
  title: z.string(),
  repository: z.string(),
  state: Proposal.shape.state,
  files: z.int(),
  additions: z.int(),
  deletions: z.int(),
  newFailures: z.int(),
  risk: z.string(),
  confidence: z.int(),
  createdAtMs: z.int(),
  publication: Publication.nullable(),
  /** What the repository's own CI says about the pull request. Absent: the forge was not asked yet. */
  ciState: ForgeChecks.shape.state.optional(),
});
export type ProposalRow = z.infer<typeof ProposalRow>;

/** One line each for what is connected and what is not: "works without; add X to get Y". */
export const Integration = z.object({ name: z.string(), connected: z.boolean(), sentence: z.string() });
export type Integration = z.infer<typeof Integration>;

export const Doctor = z.object({
  ok: z.boolean(),
  findings: z.array(z.object({ name: z.string(), verdict: z.enum(['good', 'warned', 'bad']), sentence: z.string() })),
});
export type Doctor = z.infer<typeof Doctor>;

export const Lock = z.object({
  /** Who holds the serialization lock now: a job, or a proposal that is being published or undone. */
  holder: z
    .object({ kind: z.enum(['job', 'publication']), id: z.string(), title: z.string(), sinceMs: z.int() })
    .nullable(),
  waiting: z.int(),
});
export type Lock = z.infer<typeof Lock>;

/** Everything a page needs to start. What changes later comes over the live stream, after `seq`. */
export const State = z.object({
  installId: z.string(),
  seq: z.int(),
  serverTimeMs: z.int(),
  build: z.string(),
  repositories: z.array(Repository),
  threads: z.array(Thread),
  jobs: z.array(Job),
  proposals: z.array(ProposalRow),
  budget: Budget,
  integrations: z.array(Integration),
  lock: Lock,
  /** Absent from a server that knows no helpers: then there is none. */
  helper: HelperView.optional(),
});
export type State = z.infer<typeof State>;

export const RepositoryReport = z.object({
  repository: Repository,
  findings: Doctor.shape.findings,
});
export type RepositoryReport = z.infer<typeof RepositoryReport>;

export const PullPage = z.object({
  pull: Pull,
  files: z.array(FileChange),
  diff: z.string(),
  diffTruncated: z.boolean(),
  head: ObjectId,
});
export type PullPage = z.infer<typeof PullPage>;

export const AuditPage = z.object({ entries: z.array(ShownEntry), head: z.int(), more: z.boolean() });
export type AuditPage = z.infer<typeof AuditPage>;

export const JobQuery = z.strictObject({
  id: z.string(),
  repository: z.string(),
  base: RefName.optional(),
  title: z.string().optional(),
  /** Extra spend that the owner approves for this job, up to this amount. */
  approveExtraUsd: z.coerce.number().positive().max(1_000_000).optional(),
});

export const BackupRequest = z.strictObject({ folder: z.string().min(1).max(4096) });
