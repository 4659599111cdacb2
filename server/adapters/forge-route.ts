import type { Forge, ForgeRepository } from '../ports.ts';

/** One forge out of two: whatever `owns` an address is asked about it, and the embedded one about everything else. */
export function eitherForge(local: Forge, remote: Forge, owns: (url: string) => boolean): Forge {
  const of = ({ url }: ForgeRepository): Forge => (owns(url) ? remote : local);
  return {
    kind: remote.kind,
    landsWithinMs: (repository) => of(repository).landsWithinMs(repository),
    findPull: (repository, branch) => of(repository).findPull(repository, branch),
    openPull: (repository, pull) => of(repository).openPull(repository, pull),
    getPull: (repository, number) => of(repository).getPull(repository, number),
    listPulls: (repository) => of(repository).listPulls(repository),
    closePull: (repository, number) => of(repository).closePull(repository, number),
    inspect: (repository, base) => of(repository).inspect(repository, base),
    mark: (repository, marks) => of(repository).mark(repository, marks),
    comment: (repository, comment) => of(repository).comment(repository, comment),
    outcome: (repository, pull, seen) => of(repository).outcome(repository, pull, seen),
    requests: (repository, wanted) => of(repository).requests(repository, wanted),
  };
}
