/** Branches and the git database. What is written here is in the same repository that git talks to. */
import { workflowWords } from './access.ts';
import { settle } from './pulls.ts';
import * as replies from './replies.ts';
import type { Reply } from './replies.ts';
import { ofRepository, reads, textOf, textOrNull, writes, type AskedOfRepository, type Route } from './routes-kit.ts';
import { repositoryUrl, type Json } from './shapes.ts';
import { branchShape, gitCommitShape, refShape } from './shapes-work.ts';

const reading = reads('contents');
const writing = writes('contents');

export const gitRoutes: readonly Route[] = [
  ofRepository('repos/get-branch', 'GET', '/branches/*id', reading, ({ world, repository, id }) => {
    const sha = repository.bare.branches().get(id);
    if (sha === undefined) return replies.refusal(404, 'Branch not found');
    return { status: 200, body: branchShape(world, repository, id, repository.bare.head(sha)) };
  }),
  ofRepository('git/get-ref', 'GET', '/git/ref/*id', reading, ({ world, repository, id }) => {
    if (repository.bare.branches().size === 0) return replies.emptyRepository;
    const sha = repository.bare.object(`refs/${id}`, 'commit');
    return sha === null ? replies.notFound : { status: 200, body: refShape(world, repository, `refs/${id}`, sha) };
  }),
  ofRepository('git/create-ref', 'POST', '/git/refs', writing, createRef),
  ofRepository('git/update-ref', 'PATCH', '/git/refs/*id', writing, updateRef),
  ofRepository('git/delete-ref', 'DELETE', '/git/refs/*id', writing, deleteRef),
  ofRepository('git/create-blob', 'POST', '/git/blobs', writing, ({ world, repository, body }) => {
    const encoding = body['encoding'] === 'base64' ? 'base64' : 'utf8';
    const sha = repository.bare.writeObject('blob', Buffer.from(textOf(body, 'content'), encoding));
    return replies.created({ url: `${repositoryUrl(world, repository)}/git/blobs/${sha}`, sha });
  }),
  ofRepository('git/create-tree', 'POST', '/git/trees', writing, createTree),
  ofRepository('git/create-commit', 'POST', '/git/commits', writing, createCommit),
  ofRepository('git/get-commit', 'GET', '/git/commits/:id', reading, ({ world, repository, id }) => {
    const sha = repository.bare.object(id, 'commit');
    return sha === null
      ? replies.notFound
      : { status: 200, body: gitCommitShape(world, repository, repository.bare.head(sha)) };
  }),
];

function createRef({ world, repository, body, by }: AskedOfRepository): Reply {
  const { bare } = repository;
  if (bare.branches().size === 0) return replies.emptyRepository;
  const [ref, wanted] = [textOf(body, 'ref'), textOf(body, 'sha')];
  if (!/^refs\/[^/]+\/./.test(ref))
    return replies.refusal(422, "Reference name must start with 'refs/' and have a name");
  const sha = bare.object(wanted, 'commit');
  if (sha === null) return replies.refusal(422, 'Object does not exist');
  if (bare.object(ref, 'commit') !== null) return replies.refusal(422, 'Reference already exists');
  const no = ruleRefusal(repository, ref, true);
  if (no !== null) return no;
  bare.git('update-ref', ref, sha);
  settle(world, repository, by);
  return replies.created(refShape(world, repository, ref, sha));
}

function updateRef({ world, repository, body, by, id }: AskedOfRepository): Reply {
  const { bare } = repository;
  const ref = `refs/${id}`;
  const now = bare.object(ref, 'commit');
  if (now === null) return replies.refusal(422, 'Reference does not exist');
  const sha = bare.object(textOf(body, 'sha'), 'commit');
  if (sha === null) return replies.refusal(422, 'Object does not exist');
  if (body['force'] !== true && !bare.isAncestor(now, sha)) {
    return replies.refusal(422, 'Update is not a fast forward');
  }
  const no = ruleRefusal(repository, ref, false);
  if (no !== null) return no;
  bare.git('update-ref', ref, sha, now);
  settle(world, repository, by);
  return { status: 200, body: refShape(world, repository, ref, sha) };
}

function deleteRef({ world, repository, by, id }: AskedOfRepository): Reply {
  const { bare } = repository;
  const ref = `refs/${id}`;
  if (bare.object(ref, 'commit') === null) return replies.refusal(422, 'Reference does not exist');
  const no = ruleRefusal(repository, ref, false);
  if (no !== null) return no;
  bare.git('update-ref', '-d', ref);
  settle(world, repository, by);
  return { status: 204 };
}

/** What git would hear as GH006 and GH013. */
function ruleRefusal(repository: AskedOfRepository['repository'], ref: string, isNew: boolean): Reply | null {
  const branch = ref.replace(/^refs\/heads\//, '');
  const rule = repository.rules.find(({ prefix }) => branch.startsWith(prefix));
  if (rule) return replies.refusal(422, `Repository rule violations found\n\n${rule.words}\n\n`);
  const isProtected = !isNew && repository.protectedBranches.some((one) => one.branch === branch);
  return isProtected ? replies.refusal(422, 'Changes must be made through a pull request.') : null;
}

interface TreeEntry {
  readonly path?: string;
  readonly mode?: string;
  readonly type?: string;
  readonly sha?: string | null;
  readonly content?: string;
}

/** Entries at any depth: each folder on the way is written again. */
function createTree({ world, repository, body, credential }: AskedOfRepository): Reply {
  const { bare } = repository;
  const base = textOrNull(body, 'base_tree');
  if (base !== null && bare.object(base, 'tree') === null) return replies.notFound;
  const entries = (body['tree'] as TreeEntry[]) ?? [];
  const touchesWorkflows = entries.some(({ path = '' }) => path.startsWith('.github/workflows/'));
  if (touchesWorkflows && credential !== null && workflowWords(credential) !== true) {
    return credential.kind === 'classic' ? replies.notFound : replies.notAccessible(credential.kind);
  }
  const files = new Map<string, string>();
  if (base !== null) {
    for (const line of bare.git('ls-tree', '-r', '--full-tree', base).split('\n').filter(Boolean)) {
      const [head = '', path = ''] = line.split('\t');
      files.set(path, head);
    }
  }
  for (const { path = '', mode = '100644', type = 'blob', sha, content } of entries) {
    if (sha === null) files.delete(path);
    else files.set(path, `${mode} ${type} ${sha ?? bare.writeObject('blob', content ?? '')}`);
  }
  const sha = writeTree(bare, [...files]);
  const tree = bare
    .git('ls-tree', sha)
    .split('\n')
    .filter(Boolean)
    .map((line): Json => {
      const [head = '', path = ''] = line.split('\t');
      const [mode = '', type = '', object = ''] = head.split(' ');
      return { path, mode, type, sha: object };
    });
  const url = `${repositoryUrl(world, repository)}/git/trees/${sha}`;
  return replies.created({ sha, url, tree, truncated: false });
}

function writeTree(
  bare: AskedOfRepository['repository']['bare'],
  files: readonly (readonly [string, string])[],
): string {
  const folders = new Map<string, [string, string][]>();
  const lines: string[] = [];
  for (const [path, head] of files) {
    const slash = path.indexOf('/');
    if (slash < 0) lines.push(`${head}\t${path}\n`);
    else {
      const folder = path.slice(0, slash);
      folders.set(folder, [...(folders.get(folder) ?? []), [path.slice(slash + 1), head]]);
    }
  }
  for (const [folder, inside] of folders) lines.push(`040000 tree ${writeTree(bare, inside)}\t${folder}\n`);
  return bare.writeObject('tree', lines.join(''));
}

function createCommit({ world, repository, body, by }: AskedOfRepository): Reply {
  const { bare } = repository;
  const tree = bare.object(textOf(body, 'tree'), 'tree');
  if (tree === null) return replies.refusal(422, 'Tree SHA does not exist');
  const wanted = Array.isArray(body['parents']) ? body['parents'].map(String) : [];
  const parents = wanted.flatMap((parent) => bare.object(parent, 'commit') ?? []);
  if (parents.length < wanted.length)
    return replies.refusal(422, 'Parent SHA does not exist or is not a commit object');
  const author = body['author'] as { name: string; email: string; date?: string } | undefined;
  const atMs = author?.date === undefined ? world.nowMs() : Date.parse(author.date);
  const sha = bare.commitTree(tree, parents, textOf(body, 'message'), author ?? world.person(by), atMs);
  return replies.created(gitCommitShape(world, repository, bare.head(sha)));
}
