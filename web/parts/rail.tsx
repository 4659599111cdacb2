import type { Job } from '#contract/job.ts';
import { count, duration } from '../format.ts';
import { serverNow } from '../store.ts';
import { useTick } from './bits.tsx';

export type StageState = 'done' | 'running' | 'waiting' | 'stopped';

const stages = ['plan', 'patch', 'prove'] as const;
export const stageNames = { plan: 'Plan', patch: 'Patch', prove: 'Prove' } as const;
const shapes = { done: '✓', running: '●', waiting: '○', stopped: '×' } as const;
const words = { done: 'done', running: 'running', waiting: 'not started', stopped: 'stopped here' } as const;

/** How each stage of a job stands. The job says where it is, or where it ended. */
export function stageStates(job: Pick<Job, 'state' | 'stage'>): Record<Job['stage'], StageState> {
  const at = stages.indexOf(job.stage);
  const here = stateHere(job.state);
  const of = (index: number): StageState => {
    if (job.state === 'queued') return 'waiting';
    if (job.state === 'proposed' || index < at) return 'done';
    return index === at ? here : 'waiting';
  };
  return { plan: of(0), patch: of(1), prove: of(2) };
}

function stateHere(state: Job['state']): StageState {
  if (state === 'running' || state === 'cancelling') return 'running';
  return state === 'queued' ? 'waiting' : 'stopped';
}

export function StageRail({ job }: { readonly job: Job }) {
  const running = job.state === 'running' || job.state === 'cancelling';
  useTick(running ? 1000 : null);
  const states = stageStates(job);
  return (
    <ol class="rail" aria-label="Stages">
      {stages.map((stage) => (
        <li key={stage} class={states[stage]}>
          <span class="shape" aria-hidden="true">
            {shapes[states[stage]]}
          </span>
          <span class="rail-name">{stageNames[stage]}</span>
          <span class="sr">{words[states[stage]]}</span>
          <span class="rail-fact num">{factFor(job, stage, states[stage])}</span>
        </li>
      ))}
    </ol>
  );
}

function factFor(job: Job, stage: Job['stage'], state: StageState): string {
  if (state === 'running' && job.stageStartedAtMs !== null) return duration(serverNow() - job.stageStartedAtMs);
  if (state !== 'done' || job.plan === null) return '';
  const { targets, checks } = job.plan;
  // A patch that cannot be read names no targets; the patch stage says why.
  if (stage === 'plan') return targets.length === 0 ? '' : count(targets.length, 'target');
  return stage === 'prove' ? count(checks.length, 'check') : '';
}
