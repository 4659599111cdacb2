import { existsSync } from 'node:fs';
import { join } from 'node:path';
import express, { type Request, type Response } from 'express';

/**
 * The built pages in `folder`. Files under assets/ have their digest in their name and are kept for a year; everything else
 * is asked for again. Every other path is the one page, which finds its way itself.
 */
export function staticPages(folder: string): express.Router {
  const router = express.Router();
  const index = join(folder, 'index.html');
  router.use(
    express.static(folder, {
      index: false,
      redirect: false,
      dotfiles: 'ignore',
      cacheControl: false,
      setHeaders: (response, path) => {
        const kept = path.startsWith(join(folder, 'assets/'));
        response.setHeader('cache-control', kept ? 'public, max-age=31536000, immutable' : 'no-cache');
      },
    }),
  );
  router.use((request, response) => {
    if (!isPage(request)) return plain(response, 404, 'There is no such file.\n');
    if (!existsSync(index))
      return plain(response, 503, 'The pages are not built yet. Run "npm start", which builds them.\n');
    response.setHeader('cache-control', 'no-cache');
    response.sendFile(index, { cacheControl: false });
  });
  return router;
}

/** No dot, or a browser going there: a repository's name may hold a dot, a missing script must not become a page. */
function isPage(request: Request): boolean {
  if (request.path.startsWith('/assets/')) return false;
  return !request.path.includes('.') || (request.headers.accept ?? '').includes('text/html');
}

function plain(response: Response, status: number, sentence: string): void {
  response.status(status).setHeader('cache-control', 'no-store').type('text/plain; charset=utf-8').send(sentence);
}
