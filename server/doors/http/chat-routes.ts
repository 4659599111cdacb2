import { NewMessage, NewThread } from '#contract/chat.ts';
import { ThreadId } from '#contract/ids.ts';
import { problem } from '#contract/problem.ts';
import { no, ok } from '../../lib/result.ts';
import { acceptMessage, acceptThread } from '../chat/accept.ts';
import type { Chat } from '../chat/store.ts';
import { messageBytesMax, route, type Routes } from './route.ts';

type Parts = Parameters<typeof acceptMessage>[0] & { readonly chat: Chat };

/** Threads and messages. Sending is safe to repeat: the client makes the ids. */
export function chatRoutes(parts: Parts): Routes {
  const { chat } = parts;
  return (table) => {
    route(table, 'get', '/api/threads', {}, () => ok({ threads: chat.threads() }));
    route(table, 'post', '/api/threads', { body: NewThread }, ({ body }) => acceptThread(parts, body));
    route(table, 'get', '/api/threads/:id/messages', {}, ({ params }) =>
      chat.findThread(params.id)
        ? ok({ messages: chat.messages(params.id) })
        : no(problem('not_found', 'There is no such thread.')),
    );
    route(
      table,
      'post',
      '/api/threads/:id/messages',
      { body: NewMessage, bodyBytesMax: messageBytesMax, status: 202 },
      async ({ params, body }) => {
        const threadId = ThreadId.safeParse(params.id);
        return threadId.success
          ? await acceptMessage(parts, threadId.data, body)
          : no(problem('not_found', 'There is no such thread.'));
      },
    );
    route(table, 'get', '/api/messages/:id', {}, ({ params }) => {
      const message = chat.findMessage(params.id);
      return message ? ok(message) : no(problem('not_found', 'This message did not arrive.'));
    });
  };
}
