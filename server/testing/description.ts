/** Ways through a vendor's OpenAPI description, for the far ends that are held against one. */

type Node = Readonly<Record<string, unknown>>;

/** A name as a part of a pointer inside a URI. */
export function escapePointer(name: string): string {
  return encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));
}

/** What stands where a pointer leads; undefined when it leads nowhere. */
export function valueAt(description: Node, pointer: string): unknown {
  let value: unknown = description;
  for (const part of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Node)[decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')];
  }
  return value;
}

/** Where a pointer leads when the references on its way are followed; null when it leads nowhere. */
export function followPointer(description: Node, pointer: string): string | null {
  let here = '';
  for (const part of pointer.split('/').slice(1)) {
    here = `${here}/${part}`;
    const value = valueAt(description, here);
    if (value === undefined) return null;
    const reference = typeof value === 'object' && value !== null ? (value as Node)['$ref'] : undefined;
    // A schema stays where it is referred to: its own references are ajv's.
    if (typeof reference === 'string' && part !== 'schema') here = reference.slice(1);
  }
  return here;
}
