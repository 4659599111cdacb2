import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { RepositoryReport, State } from '#contract/api.ts';
import { ForgeCandidates } from '#contract/forge.ts';
import { Repository, type RepositoryChange } from '#contract/repository.ts';
import { candidatesText } from './forge-text.ts';
import { findingsText, plain, repositoryText } from './print.ts';
import { done, refusedWith, usageError, type Command, type Options, type Outcome, type Run } from './run.ts';

export const repoAdd: Command = async ({ client, positionals, options }) => {
  const [place] = positionals;
  const { name, check, formatter, setup } = options;
  if (place === undefined || name === undefined) return usageError('repo add needs a path or URL and --name NAME');
  // A path is meant from here, and the daemon runs elsewhere.
  const url = existsSync(place) ? resolve(place) : place;
  const checks = check === undefined ? undefined : namedChecks(check);
  const answer = await client.send('POST', '/api/repositories', {
    name,
    url,
    ...(checks === undefined ? {} : { checks }),
    ...(formatter === undefined ? {} : { formatter }),
    ...(setup === undefined ? {} : { setUp: setup === '' ? null : setup }),
  });
  return answer.ok ? done(answer.value, repositoryText(Repository.parse(answer.value))) : refusedWith(answer.why);
};

function namedChecks(commands: readonly string[]): { name: string; command: string }[] {
  return commands.map((command, index) => ({ name: checkName(command, index, commands), command }));
}

/** The command itself, shortened; numbered where two would read the same. */
function checkName(command: string, index: number, all: readonly string[]): string {
  const short = command.trim().slice(0, 50) || 'check';
  return all.findIndex((other) => other.trim().slice(0, 50) === short) === index ? short : `${short} (${index + 1})`;
}

export const repoList: Command = async ({ client, options }) => {
  if (options.remote === true) return await listRemote(client);
  const answer = await client.get('/api/repositories');
  if (!answer.ok) return refusedWith(answer.why);
  const { repositories } = State.pick({ repositories: true }).parse(answer.value);
  return done(
    repositories,
    repositories.map(repositoryText).join('\n') ||
      'There is no repository yet. Add one: patchgit repo add PATH --name NAME',
  );
};

/** What the connection can see, to pick from. */
async function listRemote(client: Run['client']): Promise<Outcome> {
  const answer = await client.get('/api/forge/candidates');
  if (!answer.ok) return refusedWith(answer.why);
  const seen = ForgeCandidates.parse(answer.value);
  return done(seen, plain(candidatesText(seen)));
}

const named =
  (use: (client: Run['client'], name: string) => Promise<Outcome>): Command =>
  async ({ client, positionals: [name] }) =>
    name === undefined ? usageError('name the repository') : await use(client, encodeURIComponent(name));

export const repoCheck = named(async (client, name) => {
  const answer = await client.get(`/api/repositories/${name}/check`);
  if (!answer.ok) return refusedWith(answer.why);
  const report = RepositoryReport.parse(answer.value);
  const failed = report.findings.some((finding) => finding.verdict === 'bad');
  return { kind: 'done', json: report, text: findingsText(report.findings), failed };
});
/** Owner's settings of one repository; what is not named stays as it is, and "" goes back to what is detected. */
export const repoSet: Command = async ({ client, positionals: [name], options }) => {
  const { check, formatter, setup, author } = options;
  const pulls = pullChange(options);
  if (typeof pulls === 'string') return usageError(pulls);
  if (name === undefined || [check, formatter, setup, author, pulls].every((given) => given === undefined)) {
    return usageError('repo set needs a name and --check, --formatter, --setup, --author, --draft, --ready or --label');
  }
  const person = author === undefined || author === '' ? null : /^(.+?) <([^<>]+)>$/.exec(author);
  if (author !== undefined && author !== '' && person === null) return usageError('--author reads "NAME <EMAIL>"');
  const given = check?.filter((command) => command !== '');
  const change = {
    ...(given === undefined ? {} : { checks: given.length === 0 ? null : namedChecks(given) }),
    ...(formatter === undefined ? {} : { formatter: formatter === '' ? null : formatter }),
    ...(setup === undefined ? {} : { setUp: setup === '' ? null : setup }),
    ...(author === undefined ? {} : { author: person === null ? null : { name: person[1], email: person[2] } }),
    ...(pulls === undefined ? {} : { pulls }),
  };
  const answer = await client.send('PATCH', `/api/repositories/${encodeURIComponent(name)}`, change);
  return answer.ok ? done(answer.value, repositoryText(Repository.parse(answer.value))) : refusedWith(answer.why);
};

/** How pull requests are to be opened; a sentence when it cannot be meant. Nothing named: nothing changes. */
function pullChange({ draft, ready, label }: Options): RepositoryChange['pulls'] | string {
  if (draft === true && ready === true) return 'give --draft or --ready, not both';
  if (draft === undefined && ready === undefined && label === undefined) return undefined;
  return {
    ...(draft === true || ready === true ? { isDraft: draft === true } : {}),
    ...(label === undefined ? {} : { labels: label.filter((one) => one !== '') }),
  };
}

export const repoFetch = named(async (client, name) => {
  const answer = await client.send('POST', `/api/repositories/${name}/fetch`);
  return answer.ok ? done(answer.value, repositoryText(Repository.parse(answer.value))) : refusedWith(answer.why);
});
export const repoRemove = named(async (client, name) => {
  const answer = await client.send('DELETE', `/api/repositories/${name}`);
  return answer.ok ? done(answer.value, 'Removed. The repository itself was not touched.') : refusedWith(answer.why);
});
