import type { Message } from '#contract/chat.ts';
import type { Job } from '#contract/job.ts';
import { maskTokens } from '#contract/token-shapes.ts';
import { bytesText, clock } from '../format.ts';
import { lazy } from '../lazy.tsx';
import { deliveryText } from '../outbox.ts';
import type { OutboxEntry } from '../outbox.ts';
import { removeFromOutbox, send, sendAgain } from '../outbox-sender.ts';
import { useResource, concernsKinds } from '../resource.ts';
import { Button, Copy, ProblemNote, Text, Time } from './bits.tsx';
import { JobCard, jobStateText } from './job-card.tsx';

const Markdown = lazy(async () => (await import('./markdown.tsx')).Markdown, '');

/** One message, the job it started, and how far it is. */
export function MessageRow({ message, job }: { readonly message: Message; readonly job: Job | undefined }) {
  const owner = message.author === 'owner';
  return (
    <li class={`message ${message.author}`}>
      <p class="message-who">
        {owner ? 'You' : 'patchgit'} <Time atMs={message.createdAtMs} />
        {message.repository ? (
          <span>
            {' '}
            in <strong>{message.repository}</strong>
          </span>
        ) : null}
      </p>
      <div class="bubble">
        {owner ? (
          <p class="words">
            <Text value={maskTokens(message.text)} />
          </p>
        ) : (
          <Markdown text={maskTokens(message.text)} />
        )}
        {message.patchBytes === null ? null : <p class="attached">Diff attached, {bytesText(message.patchBytes)}</p>}
        {message.prompt ? <Prompt prompt={message.prompt} /> : null}
      </div>
      {owner ? <Delivery message={message} job={job} /> : null}
      {message.problem ? <ProblemNote problem={message.problem} /> : null}
      {owner && message.jobId ? <JobOf id={message.jobId} job={job} /> : null}
    </li>
  );
}

/** A job of long ago is not in the snapshot any more: it is read by itself. */
function JobOf({ id, job }: { readonly id: string; readonly job: Job | undefined }) {
  const read = useResource<Job>(job ? null : `/api/jobs/${id}`, concernsKinds('job', 'check'));
  const shown = job ?? read.value;
  return shown ? <JobCard job={shown} /> : null;
}

/** A request to copy into any assistant; its answer comes back as a pasted diff. */
function Prompt({ prompt }: { readonly prompt: string }) {
  return (
    <div class="prompt">
      <div class="prompt-head">
        <h3>Prompt for any assistant</h3>
        <Copy text={prompt} label="Copy prompt" />
      </div>
      <pre class="code wrap" tabIndex={0} role="group" aria-label="Prompt">
        <Text value={prompt} />
      </pre>
    </div>
  );
}

function Delivery({ message, job }: { readonly message: Message; readonly job: Job | undefined }) {
  const text = deliveryOf(message, job);
  if (!text) return null;
  return (
    <div class={`delivery ${message.state}`}>
      <p>{text}</p>
      {message.state === 'failed' ? <Button onPress={() => tryAgain(message)}>Try again</Button> : null}
    </div>
  );
}

/** How far the server is with a message of the owner's (notes 3.4). Nothing more to say once it is answered. */
export function deliveryOf(
  message: Pick<Message, 'state' | 'createdAtMs'>,
  job: Pick<Job, 'state' | 'stage' | 'ahead'> | undefined,
): string {
  switch (message.state) {
    case 'accepted':
      return `✓ Accepted ${clock(message.createdAtMs)}`;
    case 'queued':
      return job ? jobStateText(job) : 'Queued';
    case 'running':
      return job ? jobStateText(job) : 'Running';
    case 'needs_you':
      return 'Waiting for you';
    case 'failed':
      return job
        ? `Stopped: ${jobStateText(job).toLowerCase()}. Nothing was published.`
        : 'Stopped. Nothing was published.';
    case 'stopped':
      return 'You stopped this';
    case 'answered':
      return '';
  }
}

/** A new message that refers to the failed one. The diff that came with it has to be attached again: its bytes are not here. */
function tryAgain(message: Message): void {
  send({
    id: crypto.randomUUID(),
    threadId: message.threadId,
    newThreadTitle: null,
    text: message.text,
    repository: message.repository,
    patchBase64: null,
    patchBytes: null,
    retryOf: message.id,
    createdAtMs: Date.now(),
    delivery: 'sending',
    sentAgain: false,
    problem: null,
  });
}

/** A message that the server has not confirmed: it is on this device only. */
export function PendingRow({ entry }: { readonly entry: OutboxEntry }) {
  const stuck = entry.delivery === 'not_sent' || entry.delivery === 'refused';
  return (
    <li class="message owner pending">
      <p class="message-who">
        You <Time atMs={entry.createdAtMs} />
      </p>
      <div class="bubble">
        <p class="words">
          <Text value={entry.text} />
        </p>
        {entry.patchBytes === null ? null : <p class="attached">Diff attached, {bytesText(entry.patchBytes)}</p>}
      </div>
      <div class={`delivery ${entry.delivery}`} role="status">
        <p>
          <Text value={deliveryText(entry.delivery, entry.problem)} />
        </p>
        {stuck ? (
          <>
            <Button onPress={() => sendAgain(entry.id)}>Send again</Button>
            <Button kind="text" onPress={() => removeFromOutbox(entry.id)}>
              Remove
            </Button>
          </>
        ) : null}
      </div>
    </li>
  );
}
