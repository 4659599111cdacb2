import type { FileChange } from '#contract/patch.ts';
import { parentsOf } from '../patch/names.ts';

const link = '120000';

/**
 * Paths where a symbolic link takes the place of a file or folder, or the other way round. Everything that was read or written
 * through the path before is then somewhere else.
 */
export function linkSwaps(files: readonly FileChange[]): string[] {
  const before = new Set<string>();
  const after = new Set<string>();
  for (const file of files) {
    if (file.status !== 'added' && file.status !== 'copied')
      for (const folder of parentsOf(file.oldPath ?? file.path)) before.add(folder);
    if (file.status !== 'deleted') for (const folder of parentsOf(file.path)) after.add(folder);
  }
  const swaps = files.flatMap((file) => {
    const oldPath = file.oldPath ?? file.path;
    if (file.status === 'type_changed' && (file.oldMode === link || file.newMode === link)) return [file.path];
    const isGone = file.status === 'deleted' || file.status === 'renamed';
    if (isGone && file.oldMode === link && after.has(oldPath)) return [oldPath];
    const isNew = file.status !== 'deleted' && file.status !== 'modified';
    return isNew && file.newMode === link && before.has(file.path) ? [file.path] : [];
  });
  return [...new Set(swaps)];
}
