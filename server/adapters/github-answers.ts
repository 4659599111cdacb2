/** What GitHub answers, as far as it is used here (its description of the REST API). Everything else in it is left alone. */
import { z } from 'zod';
import { ObjectId } from '#contract/ids.ts';

const Login = z.object({ login: z.string().max(200) }).nullable();
const Time = z.iso.datetime({ offset: true });
/** What is shown as a link: nothing but the web. */
const Link = z
  .string()
  .max(2048)
  .transform((text) => (text.startsWith('https://') && URL.canParse(text) ? text : null))
  .nullable()
  .optional();

export const PullAnswer = z.object({
  number: z.int().positive(),
  title: z.string(),
  body: z.string().nullable(),
  state: z.enum(['open', 'closed']),
  draft: z.boolean().optional(),
  merged_at: Time.nullable(),
  closed_at: Time.nullable(),
  created_at: Time,
  merge_commit_sha: ObjectId.nullable(),
  head: z.object({ ref: z.string(), sha: ObjectId, repo: z.object({ full_name: z.string() }).nullable() }),
  base: z.object({ ref: z.string() }),
  /** Only where one is asked for by its number. */
  comments: z.int().optional(),
});
export type PullAnswer = z.infer<typeof PullAnswer>;

export const CommentAnswer = z.object({
  id: z.int().positive(),
  body: z.string().nullish(),
  user: Login,
  created_at: Time,
  issue_url: z.string().optional(),
});
export type CommentAnswer = z.infer<typeof CommentAnswer>;

export const IssueAnswer = z.object({
  number: z.int().positive(),
  title: z.string(),
  body: z.string().nullish(),
  user: Login,
  created_at: Time,
  /** There is one when the issue is a pull request. */
  pull_request: z.looseObject({}).optional(),
});
export type IssueAnswer = z.infer<typeof IssueAnswer>;

export const CombinedStatus = z.object({
  total_count: z.int(),
  statuses: z.array(
    z.object({
      context: z.string(),
      state: z.enum(['success', 'failure', 'error', 'pending']),
      description: z.string().nullable(),
      target_url: Link,
    }),
  ),
});
export type CombinedStatus = z.infer<typeof CombinedStatus>;

export const CheckRun = z.object({
  id: z.int().positive(),
  name: z.string(),
  /** `queued`, `in_progress`, `completed`, and others that GitHub adds: only "completed" counts as ended. */
  status: z.string(),
  conclusion: z.string().nullable(),
  external_id: z.string().nullish(),
  details_url: Link,
  app: z.object({ id: z.int(), slug: z.string().optional() }).nullish(),
  output: z
    .object({
      title: z.string().nullable(),
      summary: z.string().nullable(),
      text: z.string().nullable(),
    })
    .optional(),
});
export type CheckRun = z.infer<typeof CheckRun>;
export const CheckRuns = z.object({ total_count: z.int(), check_runs: z.array(CheckRun) });

export const RepositoryAnswer = z.object({
  full_name: z.string().max(300),
  private: z.boolean(),
  archived: z.boolean(),
  disabled: z.boolean().optional(),
  default_branch: z.string(),
  clone_url: z.string(),
  permissions: z.object({ push: z.boolean().optional(), pull: z.boolean().optional() }).optional(),
});
export type RepositoryAnswer = z.infer<typeof RepositoryAnswer>;

export const BranchAnswer = z.object({ name: z.string(), protected: z.boolean() });
export const UserAnswer = z.object({ login: z.string().max(200) });
/** Where only that it was done matters: a page of somebody in between has no such number. */
export const Made = z.object({ id: z.int().positive() });
export const Labels = z.array(z.object({ name: z.string() }));
