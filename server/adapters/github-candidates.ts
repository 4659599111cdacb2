import { z } from 'zod';
import type { ForgeCandidate } from '#contract/forge.ts';
import type { Problem } from '#contract/problem.ts';
import { no, ok, type Result } from '../lib/result.ts';
import { gitHubName } from './github-address.ts';
import { RepositoryAnswer } from './github-answers.ts';
import type { AppCredential } from './github-app.ts';
import type { Asker } from './github-ask.ts';
import type { Session } from './github-credential.ts';
import { listPages } from './github-pages.ts';

const rowsPerPage = 100;
const pagesMax = 5;
const installationsMax = 20;

/** Repositories to pick from, the recently pushed ones first; bounded, and `isWhole` is false when there are more. */
export async function candidates(
  session: Session,
  asker: Asker,
  app: AppCredential | null,
  addedAs: (url: string) => string | null,
): Promise<Result<{ readonly candidates: ForgeCandidate[]; readonly isWhole: boolean }, Problem>> {
  const listed = app === null ? await ofToken(session) : await ofApp(asker, session, app);
  if (!listed.ok) return listed;
  const { rows, isWhole } = listed.value;
  const found = rows.filter(({ archived, disabled }) => !archived && disabled !== true);
  const shown = found.flatMap((one): ForgeCandidate[] => {
    const name = gitHubName(one.clone_url, session.gitOrigin);
    if (name === null) return [];
    // Written anew: what is later fetched is never an address that a stranger wrote.
    const url = `${session.gitOrigin}/${name.owner}/${name.name}.git`;
    return [
      {
        name: `${name.owner}/${name.name}`,
        url,
        defaultBranch: one.default_branch,
        isPrivate: one.private,
        canPush: one.permissions?.push ?? null,
        addedAs: addedAs(url),
      },
    ];
  });
  return ok({ candidates: shown, isWhole });
}

type Listed = Result<{ readonly rows: RepositoryAnswer[]; readonly isWhole: boolean }, Problem>;

function ofToken(session: Session): Promise<Listed> {
  return listPages(session, null, {
    doing: 'list your repositories',
    schema: z.array(RepositoryAnswer),
    rows: (answer) => answer,
    rowsPerPage,
    pagesMax,
    send: (octokit, page) =>
      octokit.rest.repos.listForAuthenticatedUser({ sort: 'pushed', direction: 'desc', ...page }),
  });
}

const InstallationRepositories = z.object({ repositories: z.array(RepositoryAnswer) });

async function ofApp(asker: Asker, session: Session, app: AppCredential): Promise<Listed> {
  const installations = await app.installations();
  if (!installations.ok) return installations;
  const rows: RepositoryAnswer[] = [];
  const active = installations.value.filter(({ suspended_at }) => typeof suspended_at !== 'string');
  let isWhole = active.length <= installationsMax;
  for (const installation of active.slice(0, installationsMax)) {
    const token = await app.installationToken(installation);
    if (!token.ok) return no(token.why);
    const inside: Session = { ...session, ask: (question) => asker.ask(question, `Bearer ${token.value}`) };
    const listed = await listPages(inside, null, {
      doing: 'list the repositories of the App',
      schema: InstallationRepositories,
      rows: (answer) => answer.repositories,
      rowsPerPage,
      pagesMax,
      send: (octokit, page) => octokit.rest.apps.listReposAccessibleToInstallation(page),
    });
    if (!listed.ok) return listed;
    rows.push(...listed.value.rows);
    isWhole &&= listed.value.isWhole;
  }
  return ok({ rows, isWhole });
}
