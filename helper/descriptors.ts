import { closeSync, readdirSync, readFileSync } from 'node:fs';
import { isSystemError } from './host.ts';

/** O_CLOEXEC as proc_pid_fdinfo(5) shows it, in octal. Node sets it on everything it opens. */
const closeOnExec = 0o2000000;

/**
 * Closes the descriptors that whoever started this process left open: they would be open in every sandbox too, because
 * neither Node nor bubblewrap closes what it did not open. Must run before anything is spawned.
 */
export function closeInheritedDescriptors(): void {
  for (const name of readdirSync('/proc/self/fd')) {
    const descriptor = Number(name);
    if (descriptor > 2 && isInherited(descriptor)) closeSync(descriptor);
  }
}

function isInherited(descriptor: number): boolean {
  let text: string;
  try {
    text = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8');
  } catch (error) {
    // The listing itself was one of the listed descriptors.
    if (isSystemError(error, 'ENOENT')) return false;
    throw error;
  }
  const flags = Number.parseInt(/^flags:\s+([0-7]+)$/m.exec(text)?.[1] ?? '0', 8);
  return (flags & closeOnExec) === 0;
}
