/**
 * What counts as a secret in the lines a patch adds. Runs only in the short-lived program of secret-scan-child.ts: these are
 * many regular expressions of other people over hostile text.
 */
import { lintSource } from '@secretlint/core';
import { creator as preset } from '@secretlint/secretlint-rule-preset-recommend';
import { findTokens, joinOverlaps, type TokenFound } from '#contract/token-shapes.ts';

/** Comments like `secretlint-disable` would let the patch say what is not looked at. */
const commentRule = '@secretlint/secretlint-rule-filter-comments';

/**
 * The preset without its comment rule. It is left out here, because the preset does not heed `disabled` for the rules it
 * registers itself.
 */
const rules: typeof preset = {
  ...preset,
  create: (context, options) =>
    preset.create(
      {
        ...context,
        registerRule: (rule, defaultValue) => {
          if (rule.meta.id !== commentRule) context.registerRule(rule, defaultValue);
        },
      },
      options,
    ),
};

const config = { rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: rules }] };

/** Names for the rules whose own would not be understood. */
const kinds: Readonly<Record<string, string>> = {
  aws: 'AWS key',
  basicauth: 'password in an address',
  'database-connection-string': 'password in an address',
  gcp: 'Google key',
  github: 'GitHub token',
  gitlab: 'GitLab token',
  'hashicorp-vault': 'Vault token',
  huggingface: 'Hugging Face token',
  npm: 'npm token',
  openai: 'OpenAI key',
  anthropic: 'Anthropic key',
  privatekey: 'private key',
  sendgrid: 'SendGrid key',
  slack: 'Slack token',
  stripe: 'Stripe key',
};

/** Secrets in one file's added text, in order, without overlaps. Offsets are UTF-16. */
export async function secretsInText(path: string, text: string): Promise<TokenFound[]> {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const extension = name.includes('.') ? name.slice(name.lastIndexOf('.')) : '';
  // For this one the preset would read a file of ours by the name that stands in the patch.
  const ext = extension === '.p12' ? '' : extension;
  const linted = await lintSource({
    source: { filePath: path, content: text, ext, contentType: 'text' },
    options: { config, noPhysicFilePath: true },
  });
  const byPreset = linted.messages
    // The number of an account says whose it is; it opens nothing.
    .filter((message) => message.messageId !== 'AWSAccountID')
    .map(({ ruleId, range: [from, to] }) => ({ name: kindOf(ruleId), from, to }));
  return joinOverlaps([
    ...findTokens(text),
    ...byPreset,
    ...tokensInJoinedStrings(text),
    ...tokensInBase64(text),
    ...passwords(path, text),
  ]);
}

function kindOf(ruleId: string): string {
  const short = ruleId.replace(/^@secretlint\/secretlint-rule-/, '');
  return kinds[short] ?? `${short.replace(/[^\w -]/g, '')} credential`;
}

/** `"ghp_abc" + "def"`, also over two lines: what is in quotation marks read as if it were one piece. */
function tokensInJoinedStrings(text: string): TokenFound[] {
  const removed = [...text.matchAll(/["'`]\s{0,80}(?:\+|\.|\\|,|&|\.\.)?\s{0,80}["'`]/g)];
  if (removed.length === 0) return [];
  const pieces: { at: number; from: number }[] = [{ at: 0, from: 0 }];
  let joined = '';
  let from = 0;
  for (const joint of removed) {
    joined += text.slice(from, joint.index);
    from = joint.index + joint[0].length;
    pieces.push({ at: joined.length, from });
  }
  joined += text.slice(from);
  let next = 0;
  const back = (offset: number): number => {
    while ((pieces[next + 1]?.at ?? Infinity) <= offset) next += 1;
    const piece = pieces[next] ?? { at: 0, from: 0 };
    return piece.from + offset - piece.at;
  };
  // Ends are looked up by their last character: the one behind it may stand in the next piece.
  return findTokens(joined).map((found) => ({ name: found.name, from: back(found.from), to: back(found.to - 1) + 1 }));
}

/** As in the manifests of Kubernetes: base64 is no protection. */
function tokensInBase64(text: string): TokenFound[] {
  return [...text.matchAll(/(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{24,16384}={0,2}/g)].flatMap((match) => {
    const decoded = Buffer.from(match[0], 'base64').toString('latin1');
    const [first] = /[^\t\r\n -~]/.test(decoded) ? [] : findTokens(decoded);
    return first ? [{ name: first.name, from: match.index, to: match.index + match[0].length }] : [];
  });
}

const assignment =
  /(?:password|passwd|pwd|secret|api[_-]?key|access[_-]?key|private[_-]?key|auth[_-]?token|access[_-]?token|client[_-]?secret)["']?\s{0,20}(?::|=|:=|=>)\s{0,20}(["'`])([A-Za-z0-9+/_=!@#%^&*~.-]{16,200})\1/gi;
const placeholder =
  /example|sample|change|replace|your|dummy|fake|test|todo|insert|placeholder|redacted|secret|password|passwd|token|xxx|\*\*\*|\.\.\.|1234|abcd/i;
const notCode =
  /(?:^|\/)(?:tests?|__tests__|spec|fixtures?|testdata|examples?|locales?|i18n)\/|[._-](?:test|spec)\.|\.(?:md|mdx|rst|po|lock)$|-lock\./i;
/** Bits per character. Words of a language and names in code stay below, generated values are above. */
const entropyBitsMin = 3.6;

/**
 * `password = "…"` with a value that looks generated. Deliberately narrow: a rule that cries at every test and form field
 * teaches the owner to pass over the gate.
 */
function passwords(path: string, text: string): TokenFound[] {
  if (notCode.test(path)) return [];
  return [...text.matchAll(assignment)].flatMap((match) => {
    const value = match[2] ?? '';
    const isGenerated = /\d/.test(value) && /[A-Za-z]/.test(value) && entropyBits(value) >= entropyBitsMin;
    if (!isGenerated || placeholder.test(value)) return [];
    const to = match.index + match[0].length - 1;
    return [{ name: 'password', from: to - value.length, to }];
  });
}

/** Shannon entropy of the characters, in bits per character. */
function entropyBits(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum - (count / text.length) * Math.log2(count / text.length), 0);
}
