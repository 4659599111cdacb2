import { existsSync, readFileSync } from 'node:fs';
import { Ajv2019, type ValidateFunction } from 'ajv/dist/2019.js';
import addFormats from 'ajv-formats';
import { escapePointer, followPointer, valueAt } from '../description.ts';

/** DigitalOcean's own description of its API as the judge of what we send and of what our fake answers. */
export interface Contract {
  /** What is wrong with a request, as sentences; a field that the description does not know is wrong. */
  readonly checkRequest: (method: string, url: URL, body: unknown) => string[];
  /** `body` is `undefined` where the answer had none. */
  readonly checkReply: (
    method: string,
    url: URL,
    status: number,
    contentType: string | null,
    body: unknown,
  ) => string[];
  /** What a token needs for it; null when the description does not know the operation. */
  readonly scopes: (method: string, url: URL) => string[] | null;
}

type Json = Record<string, unknown>;

const file = new URL('../../../../shared/data/do-openapi-subset.json', import.meta.url);
/** Told to whoever runs the tests when it is not there. */
export const contractFile = 'shared/data/do-openapi-subset.json, next to the repository';
let opened: Contract | null = null;

/** Null in a lone clone, where the description is not at hand. */
export function openContract(): Contract | null {
  if (opened === null && existsSync(file)) opened = contractOf(JSON.parse(readFileSync(file, 'utf8')) as Json);
  return opened;
}

function contractOf(description: Json): Contract {
  // `unicodeRegExp`: some of its patterns escape a dash, which only the older kind of regular expression allows.
  const ajv = new Ajv2019({ strict: false, allErrors: true, unicodeRegExp: false, validateSchema: false });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'cloud', ...description });
  const compiled = new Map<string, ValidateFunction>();
  const check = (pointer: string, isStrict: boolean, value: unknown): string[] => {
    const key = `${pointer} ${isStrict}`;
    const schema = { $ref: `cloud#${pointer}`, ...(isStrict ? { unevaluatedProperties: false } : {}) };
    const validate = compiled.get(key) ?? ajv.compile(schema);
    compiled.set(key, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).slice(0, 5).map((error) => {
      const unknown = 'unevaluatedProperty' in error.params ? ` (${String(error.params['unevaluatedProperty'])})` : '';
      return `${error.instancePath || 'the body'} ${error.message ?? ''}${unknown}`;
    });
  };
  const find = (method: string, url: URL): Operation | null => findOperation(description, method, url.pathname);
  return {
    checkRequest: (method, url, body) => {
      const operation = find(method, url);
      const name = `${method} ${url.pathname}`;
      if (operation === null) return [`${name} is not in the description`];
      const schema = followPointer(description, `${operation.pointer}/requestBody/content/application~1json/schema`);
      const wrong = schema === null ? [] : check(schema, true, body);
      if (schema === null && body !== undefined) wrong.push('a body where none belongs');
      return [...wrong, ...checkParameters(description, operation, url, check)].map((why) => `${name}: ${why}`);
    },
    checkReply: (method, url, status, contentType, body) => {
      const operation = find(method, url);
      const name = `${status} to ${method} ${url.pathname}`;
      if (operation === null) return [`${name}: the operation is not in the description`];
      const pointer =
        followPointer(description, `${operation.pointer}/responses/${status}`) ??
        (status >= 400 ? followPointer(description, `${operation.pointer}/responses/default`) : null);
      if (pointer === null) return [`${name}: the description has no such status`];
      const schema = followPointer(description, `${pointer}/content/application~1json/schema`);
      if (schema === null) return body === undefined ? [] : [`${name}: a body where none belongs`];
      const wrong = check(schema, false, body);
      if (contentType === null || !/^application\/json\b/.test(contentType)) wrong.push('is not called JSON');
      return wrong.map((why) => `${name}: ${why}`);
    },
    scopes: (method, url) => {
      const operation = find(method, url);
      if (operation === null) return null;
      const security = valueAt(description, `${operation.pointer}/security`);
      const [first] = Array.isArray(security) ? (security as Json[]) : [];
      return Array.isArray(first?.['bearer_auth']) ? first['bearer_auth'].map(String) : [];
    },
  };
}

interface Operation {
  readonly pointer: string;
  readonly inPath: Readonly<Record<string, string>>;
}

function findOperation(description: Json, method: string, path: string): Operation | null {
  const paths = Object.keys(description['paths'] as Json);
  // `/v2/account/keys` before `/v2/{…}/keys`: the fewest places to fill in win.
  for (const template of paths.toSorted((a, b) => a.split('{').length - b.split('{').length)) {
    const pattern = new RegExp(`^${template.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
    const match = pattern.exec(path);
    const pointer = `/paths/${escapePointer(template)}/${method.toLowerCase()}`;
    if (match && valueAt(description, pointer) !== undefined) return { pointer, inPath: { ...match.groups } };
  }
  return null;
}

function checkParameters(
  description: Json,
  operation: Operation,
  url: URL,
  check: (pointer: string, isStrict: boolean, value: unknown) => string[],
): string[] {
  const given = valueAt(description, `${operation.pointer}/parameters`);
  const parameters = (Array.isArray(given) ? given : []).flatMap((_, index) => {
    const pointer = followPointer(description, `${operation.pointer}/parameters/${index}`);
    return pointer === null
      ? []
      : [{ pointer, ...(valueAt(description, pointer) as { name: string; in: string; required?: boolean }) }];
  });
  const wrong = [...url.searchParams.keys()]
    .filter((name) => !parameters.some((parameter) => parameter.in === 'query' && parameter.name === name))
    .map((name) => `knows no parameter ${name}`);
  for (const parameter of parameters.filter(({ in: place }) => ['query', 'path'].includes(place))) {
    const value = parameter.in === 'path' ? operation.inPath[parameter.name] : url.searchParams.get(parameter.name);
    if (value === null || value === undefined) {
      if (parameter.required === true) wrong.push(`needs the parameter ${parameter.name}`);
      continue;
    }
    const asNumber = /^-?\d+$/.test(value) ? Number(value) : value;
    const asText = check(`${parameter.pointer}/schema`, false, value);
    if (asText.length > 0 && check(`${parameter.pointer}/schema`, false, asNumber).length > 0) {
      wrong.push(...asText.map((why) => `${parameter.name}: ${why}`));
    }
  }
  return wrong;
}
