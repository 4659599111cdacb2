import { z } from 'zod';

/** Every refusal patchgit can answer with, and the HTTP status it travels under. The list is closed. */
export const problemStatus = {
  // the request itself
  invalid_body: 400,
  invalid_query: 400,
  not_found: 404,
  payload_too_large: 413,
  unsupported_media_type: 415,
  id_conflict: 409,
  not_configured: 409,
  internal: 500,
  // the door
  device_unknown: 401,
  locked: 401,
  wrong_pin: 401,
  pin_required: 401,
  throttled: 429,
  enrol_link_invalid: 410,
  pin_too_short: 422,
  pin_too_common: 422,
  pin_already_set: 409,
  foreign_origin: 403,
  hook_refused: 403,
  // repositories
  repository_exists: 409,
  repository_in_use: 409,
  repository_unreachable: 422,
  repository_not_git: 422,
  repository_empty: 422,
  repository_needs_password: 422,
  repository_url_refused: 422,
  base_not_found: 422,
  // patches: everything the patch engine may refuse
  patch_empty: 422,
  patch_not_a_diff: 422,
  patch_too_large: 413,
  patch_truncated: 422,
  patch_corrupt: 422,
  patch_does_not_apply: 422,
  patch_ambiguous: 422,
  patch_already_applied: 422,
  patch_reversed: 422,
  patch_elided: 422,
  patch_conflict_markers: 422,
  patch_combined_diff: 422,
  patch_file_missing: 422,
  patch_file_exists: 422,
  patch_binary_without_data: 422,
  patch_changes_nothing: 422,
  patch_path_outside: 422,
  patch_path_git: 422,
  patch_path_symlink: 422,
  patch_name_refused: 422,
  patch_name_clash: 422,
  patch_symlink_outside: 422,
  patch_submodule: 422,
  patch_mode_refused: 422,
  patch_took_too_long: 422,
  // the chain
  job_not_cancellable: 409,
  job_cancelled: 409,
  queue_full: 429,
  sandbox_unavailable: 503,
  proof_failed: 422,
  stale_digest: 409,
  stale_base: 409,
  gate_closed: 409,
  already_decided: 409,
  not_published: 409,
  // money
  over_cap: 409,
  approval_needed: 409,
  approval_unusable: 409,
  price_unknown: 409,
  nothing_to_approve: 409,
  pin_needed: 403,
  job_not_stopped: 409,
  stopped_at_cap: 409,
  helper_failed: 503,
  // the forge
  forge_unreachable: 502,
  forge_unauthorized: 409,
  forge_forbidden: 409,
  forge_refused: 422,
  forge_rate_limited: 429,
  push_refused: 422,
  branch_taken: 409,
  branch_moved: 409,
  outcome_unknown: 503,
} as const;

export type ProblemCode = keyof typeof problemStatus;
export const ProblemCode = z.enum(Object.keys(problemStatus) as [ProblemCode, ...ProblemCode[]]);

/** What a refused caller gets: what is wrong, where, and what to do, in one sentence or two. */
export const Problem = z.object({
  code: ProblemCode,
  message: z.string(),
  requestId: z.string().optional(),
  /** Where in the input: the path the patch names, its hunk (1-based), the 1-based line in what was pasted. */
  file: z.string().optional(),
  hunk: z.int().optional(),
  line: z.int().optional(),
  /** For `throttled`: how long to wait. */
  retryAfterMs: z.int().optional(),
  /** For conflicts: what is true now (for example the proposal's current digest). */
  current: z.unknown().optional(),
});
export type Problem = z.infer<typeof Problem>;

/** Builds a problem without repeating the type at every refusal. */
export function problem(code: ProblemCode, message: string, where: Omit<Problem, 'code' | 'message'> = {}): Problem {
  return { code, message, ...where };
}
