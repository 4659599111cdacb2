import { z } from 'zod';
import { redactText } from '../lib/redact.ts';
import type { Session } from './github-credential.ts';
import { readTail } from './github-http.ts';
import type { Place } from './github-pulls.ts';

const logCharactersMax = 8000;
const logBytesMax = 8 * 1024 * 1024;
const wallMs = 20_000;

/**
 * The end of the log of one job of GitHub Actions; null when it cannot be had, which is no trouble: what is known of the check
 * stands without it. GitHub answers with an address elsewhere that holds its own permission: it is asked without our credential.
 */
export async function readJobLog(session: Session, { name }: Place, jobId: number): Promise<string | null> {
  const { owner, name: repo } = name;
  const reply = await session.ask(
    {
      doing: 'show the log of a job',
      isWrite: false,
      schema: z.unknown(),
      isElsewhere: true,
      send: (octokit, headers) =>
        octokit.rest.actions.downloadJobLogsForWorkflowRun({ owner, repo, job_id: jobId, headers }),
    },
    name,
  );
  const location = reply.ok ? (reply.value.headers['location'] ?? '') : '';
  const url = URL.canParse(location) ? new URL(location) : null;
  const isLoopback = session.gitOrigin.startsWith('http://') && url?.hostname === new URL(session.gitOrigin).hostname;
  if (url === null || (url.protocol !== 'https:' && !isLoopback)) return null;
  const text = await readTail(url, { wallMs, answerBytesMax: logBytesMax, tailBytesMax: 2 * logCharactersMax });
  return text === null ? null : redactText(text, session.credential.secrets()).slice(-logCharactersMax);
}
