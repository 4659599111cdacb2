import { existsSync, readFileSync } from 'node:fs';
import { Ajv2019, type ValidateFunction } from 'ajv/dist/2019.js';
import addFormats from 'ajv-formats';
import { escapePointer, followPointer, valueAt } from '../description.ts';
import type { Json } from './shapes.ts';

/** GitHub's own description of its REST API as the judge of what we send and of what our fake answers. */
export interface Contract {
  /** `METHOD /template`, as the description writes it, for every operation in it. */
  readonly operations: ReadonlyMap<string, string>;
  /** What is wrong with a request, as sentences; a field that the description does not know is wrong. */
  readonly checkRequest: (method: string, url: URL, body: unknown) => string[];
  /** `body` is `undefined` where the answer had none. */
  readonly checkReply: (method: string, url: URL, status: number, body: unknown) => string[];
}

const file = new URL('../../../../shared/data/github-openapi-subset.json', import.meta.url);
/** Told to whoever runs the tests when it is not there. */
export const contractFile = 'shared/data/github-openapi-subset.json, next to the repository';
let opened: Contract | null = null;

/** Null in a lone clone, where the description is not at hand. */
export function openContract(): Contract | null {
  if (opened === null && existsSync(file)) opened = contractOf(JSON.parse(readFileSync(file, 'utf8')) as Json);
  return opened;
}

/**
 * The description is no perfect judge: it lists few refusals (hardly one operation knows 401), so an answer from 400 on that it does
 * not list is held against its general error; alternatives that both match are no mistake; and see `plainSchema`.
 */
export function contractOf(source: Json): Contract {
  const description = plainSchema(source) as Json;
  const ajv = new Ajv2019({ strict: false, allErrors: true, validateSchema: false, logger: false });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'forge', ...description });
  const compiled = new Map<string, ValidateFunction>();
  const check = (pointer: string, isStrict: boolean, value: unknown): string[] => {
    const key = `${pointer} ${isStrict}`;
    const validate =
      compiled.get(key) ??
      ajv.compile({ $ref: `forge#${pointer}`, ...(isStrict ? { unevaluatedProperties: false } : {}) });
    compiled.set(key, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).slice(0, 5).map((error) => {
      const unknown = 'unevaluatedProperty' in error.params ? ` (${String(error.params['unevaluatedProperty'])})` : '';
      return `${error.instancePath || 'the body'} ${error.message ?? ''}${unknown}`;
    });
  };
  const operations = operationsOf(description);
  const find = (method: string, url: URL): Operation | null => operations.find((one) => one.takes(method, url)) ?? null;
  return {
    operations: new Map(operations.map(({ name, id }) => [name, id])),
    checkRequest: (method, url, body) => {
      const operation = find(method, url);
      if (operation === null) return [`${method} ${url.pathname} is not in the description`];
      const schema = jsonSchema(description, `${operation.pointer}/requestBody`);
      const isMissing =
        body === undefined && valueAt(description, `${operation.pointer}/requestBody/required`) === false;
      const wrong = schema === null || isMissing ? [] : check(schema, true, body);
      if (schema === null && body !== undefined) wrong.push('a body where none belongs');
      return [...wrong, ...checkParameters(description, operation, url, check)].map((why) => `${operation.id}: ${why}`);
    },
    checkReply: (method, url, status, body) => {
      const operation = find(method, url);
      if (operation === null) return [`${method} ${url.pathname}: the operation is not in the description`];
      const name = `${status} to ${operation.id}`;
      // Conditional requests are HTTP's own: the description lists 304 for some operations only.
      if (status === 304) return body === undefined ? [] : [`${name}: a body where none belongs`];
      const pointer = followPointer(description, `${operation.pointer}/responses/${status}`);
      if (pointer === null && status < 400) return [`${name}: the description has no such status`];
      const schema = pointer === null ? '/components/schemas/basic-error' : jsonSchema(description, pointer);
      // A refusal without a body in the description has one all the same.
      if (schema === null && status >= 400) return [];
      if (schema === null) return body === undefined ? [] : [`${name}: a body where none belongs`];
      return check(schema, false, body).map((why) => `${name}: ${why}`);
    },
  };
}

interface Operation {
  readonly id: string;
  readonly name: string;
  readonly pointer: string;
  readonly takes: (method: string, url: URL) => boolean;
  readonly pathOf: (url: URL) => Readonly<Record<string, string>>;
}

function operationsOf(description: Json): Operation[] {
  return Object.entries(description['paths'] as Json).flatMap(([template, methods]) =>
    Object.entries(methods as Json).map(([method, operation]) => {
      // A ref may hold slashes, as they are or encoded: the last place to fill in takes the rest.
      const pattern = new RegExp(
        `^${template.replaceAll(/\{(\w+)\}/g, (_, name: string) => (name === 'ref' ? '(?<ref>.+)' : `(?<${name}>[^/]+)`))}$`,
      );
      return {
        id: String((operation as Json)['operationId']),
        name: `${method.toUpperCase()} ${template}`,
        pointer: `/paths/${escapePointer(template)}/${method}`,
        takes: (asked: string, url: URL) => asked.toLowerCase() === method && pattern.test(url.pathname),
        pathOf: (url: URL) => ({ ...pattern.exec(url.pathname)?.groups }),
      };
    }),
  );
}

function checkParameters(
  description: Json,
  operation: Operation,
  url: URL,
  check: (pointer: string, isStrict: boolean, value: unknown) => string[],
): string[] {
  const given = valueAt(description, `${operation.pointer}/parameters`);
  const inPath = operation.pathOf(url);
  const parameters = (Array.isArray(given) ? given : []).flatMap((_, index) => {
    const pointer = followPointer(description, `${operation.pointer}/parameters/${index}`);
    return pointer === null ? [] : [{ pointer, ...(valueAt(description, pointer) as { name: string; in: string }) }];
  });
  const unknown = [...url.searchParams.keys()]
    .filter((name) => !parameters.some((parameter) => parameter.in === 'query' && parameter.name === name))
    .map((name) => `knows no parameter ${name}`);
  const wrong = parameters.flatMap((parameter) => {
    const value = parameter.in === 'path' ? inPath[parameter.name] : url.searchParams.get(parameter.name);
    if (value === null || value === undefined) return [];
    const asNumber = /^-?\d+$/.test(value) ? Number(value) : value;
    const asText = check(`${parameter.pointer}/schema`, false, value);
    if (asText.length === 0 || check(`${parameter.pointer}/schema`, false, asNumber).length === 0) return [];
    return asText.map((why) => `${parameter.name}: ${why}`);
  });
  return [...unknown, ...wrong];
}

/** OpenAPI 3.0 says `nullable`; JSON Schema says it with types. */
function plainSchema(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item) => plainSchema(item));
  if (typeof value !== 'object' || value === null) return value;
  const { nullable, oneOf, example: _example, examples: _examples, ...rest } = value as Json;
  const plain = Object.fromEntries(Object.entries(rest).map(([key, member]) => [key, plainSchema(member)]));
  if (Array.isArray(oneOf)) plain['anyOf'] = plainSchema(oneOf);
  // An account is a user or an enterprise; the description says that it is both (GET /app/installations).
  const kinds = Array.isArray(plain['allOf']) ? (plain['allOf'] as Json[]).map(({ title }) => title) : [];
  if (kinds.includes('Simple User') && kinds.includes('Enterprise')) {
    plain['anyOf'] = plain['allOf'];
    delete plain['allOf'];
  }
  if (plain['format'] === 'repo.nwo') delete plain['format'];
  return nullable === true ? { anyOf: [{ type: 'null' }, plain] } : plain;
}

function jsonSchema(description: Json, pointer: string): string | null {
  return followPointer(description, `${pointer}/content/application~1json/schema`);
}
