import type { FileChange, SecretReport } from '#contract/patch.ts';
import type { Risk } from '#contract/proposal.ts';
import { findTokens } from '#contract/token-shapes.ts';
import { showPath } from '../patch/bytes.ts';
import { attributeDrivers } from './attribute-drivers.ts';
import { hasHidden } from './hidden-characters.ts';
import { linkSwaps } from './link-swaps.ts';
import { nameTroubles } from './name-troubles.ts';

/** What the rules look at: the result of `diff-tree`, and the lines the patch adds (path and text). */
export interface RiskFacts {
  readonly files: readonly FileChange[];
  readonly addedLines: readonly { readonly path: string; readonly text: string }[];
  readonly mended: number;
  /** Touched paths that the base's policy protects. */
  readonly protectedPaths: readonly string[];
  /** What the patch stage found out about secrets; without it, published token shapes are looked for in the added lines. */
  readonly secrets?: SecretReport;
  /** The repository is patchgit's own. */
  readonly ownRepository: boolean;
}

type RiskLevel = Risk['level'];

interface Rule {
  readonly code: string;
  readonly level: RiskLevel;
  readonly message: string;
  readonly matches: (file: FileChange) => boolean;
}

const inPath =
  (pattern: RegExp) =>
  (file: FileChange): boolean =>
    pattern.test(file.path) || (file.oldPath !== null && pattern.test(file.oldPath));

const ciFiles =
  /^(?:\.github\/(?:workflows|actions)\/|\.gitlab-ci|\.circleci\/|\.travis\.yml|azure-pipelines|Jenkinsfile|\.buildkite\/|\.drone\.yml|\.woodpecker|bitbucket-pipelines|\.forgejo\/|\.gitea\/)/;
const lockFiles =
  /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|yarn\.lock|bun\.lockb?|Cargo\.lock|go\.sum|poetry\.lock|uv\.lock|Pipfile\.lock|composer\.lock|Gemfile\.lock|gradle\.lockfile)$/;
const dependencyLists =
  /(?:^|\/)(?:package\.json|pyproject\.toml|setup\.py|setup\.cfg|requirements[^/]*\.txt|Pipfile|go\.mod|Cargo\.toml|pom\.xml|build\.gradle(?:\.kts)?|Gemfile|composer\.json|\.npmrc|\.yarnrc(?:\.yml)?|\.pnpmfile\.cjs|pip\.conf)$/;
const testFiles =
  /(?:^|\/)(?:tests?|__tests__|spec|e2e)\/|[._-](?:test|spec)\.[a-z]+$|(?:^|\/)test_[^/]+\.py$|_test\.go$/i;

/** The rules, gravest first. Every one that matches is a reason; the level is the highest among them. */
const rules: readonly Rule[] = [
  {
    code: 'ci',
    level: 'high',
    message: 'Changes how the project is built or released automatically',
    matches: inPath(ciFiles),
  },
  { code: 'owners', level: 'high', message: 'Changes who must review', matches: inPath(/(?:^|\/)CODEOWNERS$/) },
  {
    code: 'own_policy',
    level: 'high',
    message: 'Changes the policy patchgit judges by (it takes effect only after it is merged)',
    matches: inPath(/^\.patchgit\.ya?ml$/),
  },
  {
    code: 'attributes',
    level: 'high',
    message: 'Changes git attributes or ignore rules, which decide what checks get to see',
    matches: inPath(/(?:^|\/)\.git(?:attributes|ignore)$/),
  },
  {
    code: 'symlink',
    level: 'high',
    message: 'Adds or changes a symbolic link',
    matches: (file) => file.newMode === '120000' || (file.oldMode === '120000' && file.status !== 'deleted'),
  },
  {
    code: 'migration',
    level: 'high',
    message: 'Changes database migrations',
    matches: inPath(/(?:^|\/)migrations?\/|\.sql$/i),
  },
  {
    code: 'dependencies',
    level: 'medium',
    message: 'Changes what the project depends on',
    matches: inPath(dependencyLists),
  },
  { code: 'lockfile', level: 'medium', message: 'Changes locked dependency versions', matches: inPath(lockFiles) },
  {
    code: 'check_definition',
    level: 'medium',
    message: 'Changes a file that says how the project is checked',
    matches: inPath(
      /^(?:package\.json|(?:GNU)?[Mm]akefile|pytest\.ini|tox\.ini|setup\.cfg|pyproject\.toml|\.rspec|phpunit\.xml(?:\.dist)?|(?:vitest|jest|mocha|playwright|karma)[^/]*\.(?:config\.)?[cm]?[jt]s(?:on)?|\.mocharc[^/]*)$/,
    ),
  },
  {
    code: 'tests_deleted',
    level: 'medium',
    message: 'Deletes tests',
    matches: (file) => file.status === 'deleted' && testFiles.test(file.path),
  },
  {
    code: 'tests_changed',
    level: 'medium',
    message: 'Changes existing tests, so the proof after is not the same as before',
    matches: (file) => (file.status === 'modified' || file.status === 'renamed') && testFiles.test(file.path),
  },
  {
    code: 'executable',
    level: 'medium',
    message: 'Makes a file executable, or adds an executable one',
    matches: (file) => file.newMode === '100755' && file.oldMode !== '100755',
  },
  { code: 'deleted', level: 'medium', message: 'Deletes files', matches: (file) => file.status === 'deleted' },
  {
    code: 'binary',
    level: 'medium',
    message: 'Changes binary files, which cannot be read in the diff',
    matches: (file) => file.binary,
  },
  {
    code: 'scripts',
    level: 'medium',
    message: 'Changes scripts that run on a machine',
    matches: inPath(/(?:^|\/)(?:Dockerfile|Makefile|[^/]+\.sh|systemd\/[^/]+)$/),
  },
];

/** How the common runners are told to leave a test out. */
const skipMarks =
  /\b(?:it|test|describe|context)\.(?:skip|todo)\b|\bx(?:it|describe|test)\(|@(?:pytest\.mark\.skip|unittest\.skip|Disabled|Ignore)\b|\bt\.Skip(?:f|Now)?\(|#\[ignore\]|\bskip:\s*true\b/;

const largeLines = 400;
const largeFiles = 20;
const pathsShownMax = 20;

const rank: Record<RiskLevel, number> = { low: 0, medium: 1, high: 2 };

/** Risk by rules with reasons, never a feeling (DESIGN section 6). Pure. */
export function assessRisk(facts: RiskFacts): Risk {
  const reasons: Risk['reasons'] = rules.flatMap((rule) => {
    const paths = facts.files.filter((file) => rule.matches(file)).map((file) => file.path);
    return paths.length === 0
      ? []
      : [{ code: rule.code, level: rule.level, message: rule.message, paths: paths.slice(0, pathsShownMax) }];
  });
  const add = (code: string, level: RiskLevel, message: string, paths: readonly string[]): void => {
    const unique = [...new Set(paths)];
    if (unique.length > 0) reasons.push({ code, level, message, paths: unique.slice(0, pathsShownMax) });
  };
  addSecrets(facts, add);
  const hidden = facts.addedLines.filter((line) => hasHidden(line.text)).map((line) => line.path);
  add('hidden_characters', 'high', 'Adds characters that cannot be seen or that change the reading direction', hidden);
  const drivers = attributeDrivers(facts.addedLines);
  add(
    'attribute_drivers',
    'high',
    `Sets git attributes that can run programs or change what is seen: ${listed(drivers.map(({ what }) => what))}`,
    drivers.map(({ path }) => path),
  );
  const names = nameTroubles(facts.files);
  add(
    'names',
    'medium',
    `New names that trouble other systems or people: ${listed(names.map(({ path, why }) => `"${showPath(path)}" ${why}`))}`,
    names.map(({ path }) => path),
  );
  add(
    'link_swap',
    'high',
    'A symbolic link takes the place of a file or folder, or the other way round',
    linkSwaps(facts.files),
  );
  add('protected', 'high', 'Changes what the base protects in .patchgit.yml', [...facts.protectedPaths]);
  add(
    'tests_skipped',
    'medium',
    'Switches tests off',
    facts.addedLines.filter((line) => testFiles.test(line.path) && skipMarks.test(line.text)).map((line) => line.path),
  );
  if (facts.ownRepository) add('own_repository', 'high', 'Changes patchgit itself', ['.']);
  const lines = facts.files.reduce((sum, file) => sum + (file.additions ?? 0) + (file.deletions ?? 0), 0);
  if (lines > largeLines || facts.files.length > largeFiles) {
    add('large', 'medium', `A large change: ${facts.files.length} files, ${lines} lines`, ['.']);
  }
  if (facts.mended > 0)
    add('mended', 'low', 'The pasted text was repaired before it applied; compare the diff with what you meant', ['.']);
  const level = reasons.reduce<RiskLevel>(
    (highest, reason) => (rank[reason.level] > rank[highest] ? reason.level : highest),
    'low',
  );
  return { level, reasons: reasons.toSorted((a, b) => rank[b.level] - rank[a.level]) };
}

type Add = (code: string, level: RiskLevel, message: string, paths: readonly string[]) => void;

/** Where secrets are and of which kind, never what they are; and that nothing is known where looking failed. */
function addSecrets({ secrets, addedLines }: RiskFacts, add: Add): void {
  const found =
    secrets?.found.map(({ kind, path, line, lastLine }) => {
      // Line 0: not in a line, but in what git holds without showing it.
      const lines = line === lastLine ? ` line ${line}` : ` lines ${line} to ${lastLine}`;
      return { path, what: `${kind} in "${showPath(path)}"${line === 0 ? '' : lines}` };
    }) ??
    addedLines.flatMap(({ path, text }) =>
      findTokens(text).map(({ name }) => ({ path, what: `${name} in "${showPath(path)}"` })),
    );
  add(
    'secret',
    'high',
    `Adds what looks like a password, key or token (masked here, but the commit would hold it): ${listed(found.map(({ what }) => what))}`,
    found.map(({ path }) => path),
  );
  if (secrets === undefined || secrets.known) return;
  const why = secrets.why ?? 'Nobody looked.';
  add('secrets_unknown', 'high', `Whether it adds secrets is not, or not all, known. ${why}`, ['.']);
}

const listedMax = 10;

/** The first few, and how many more there are. */
function listed(items: readonly string[]): string {
  const more = items.length > listedMax ? `; and ${items.length - listedMax} more` : '';
  return `${items.slice(0, listedMax).join('; ')}${more}`;
}
