import type { FileChange } from '#contract/patch.ts';
import { showPath } from '../patch/bytes.ts';
import { hasHidden } from './hidden-characters.ts';

export interface NameTrouble {
  readonly path: string;
  /** Follows the name in a sentence: "cannot be checked out on Windows". */
  readonly why: string;
}

/** Names of devices, which Windows finds in every folder and behind every extension. */
const device = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])(?:[ .:]|$)/i;

/**
 * New names that git takes and that trouble somebody all the same: systems that cannot hold them, people who cannot see them,
 * commands that take them for an option (security note T14, T15). What no system should ever get is refused by the patch stage.
 */
export function nameTroubles(files: readonly FileChange[]): NameTrouble[] {
  return files.flatMap(({ path, status }) => {
    const isNew = status === 'added' || status === 'renamed' || status === 'copied';
    const why = isNew ? troubleWith(path) : null;
    return why === null ? [] : [{ path, why }];
  });
}

function troubleWith(path: string): string | null {
  const parts = path.split('/');
  if (hasHidden(path)) {
    return /[\uDC80-\uDCFF]/.test(path) && !path.isWellFormed()
      ? 'is not UTF-8, so macOS and Windows cannot hold it'
      : `has characters that cannot be seen: ${showPath(path)}`;
  }
  const named = parts.find((part) => device.test(part));
  if (named !== undefined) return `is a device on Windows (${named}), so it cannot be checked out there`;
  if (parts.some((part) => /[. ]$/.test(part))) return 'ends in a dot or a blank, which Windows cuts off';
  const character = /[<>:"|?*\\]/.exec(path)?.[0];
  if (character !== undefined) return `has ${character} in it, which Windows does not take`;
  if (parts.some((part) => part.startsWith(' '))) return 'begins with a blank, which is hard to see';
  if (parts.some((part) => part.startsWith('-'))) return 'begins with a dash, which commands take for an option';
  return null;
}
