import { helperProtocol } from '#contract/helper-wire.ts';
import type { HelperFrame, StepOutcome } from '#contract/helper-wire.ts';
import { never } from '../lib/assert.ts';
import { no, ok } from '../lib/result.ts';
import type { Result } from '../lib/result.ts';

const sentenceCharactersMax = 2000;
const sentencesMax = 50;

/**
 * Holds a helper to the order of its contract: `ready`, then `started`, `output`s and `outcome` for each asked step in
 * turn, then `done`; `trouble` at any point ends it. A helper that speaks out of turn is not believed at all.
 */
export class FrameOrder {
  readonly #steps: readonly string[];
  readonly #outcomes: StepOutcome[] = [];
  #place: 'silent' | 'between' | 'within' | 'complete' = 'silent';
  #isolation: readonly string[] = [];
  #missing: readonly string[] = [];

  constructor(steps: readonly string[]) {
    this.#steps = steps;
  }

  /** Not ok: the sentence that says why the conversation must end. */
  take(frame: HelperFrame): Result<null, string> {
    const step = this.#steps[this.#outcomes.length];
    switch (frame.type) {
      case 'trouble':
        return no(frame.message.slice(0, sentenceCharactersMax));
      case 'ready':
        if (this.#place !== 'silent' || frame.protocol !== helperProtocol) return outOfTurn(frame);
        this.#isolation = bounded(frame.isolation);
        this.#missing = bounded(frame.missing);
        this.#place = 'between';
        return ok(null);
      case 'started':
        if (this.#place !== 'between' || frame.step !== step) return outOfTurn(frame);
        this.#place = 'within';
        return ok(null);
      case 'output':
        return this.#place === 'within' && frame.step === step ? ok(null) : outOfTurn(frame);
      case 'outcome':
        if (this.#place !== 'within' || frame.outcome.name !== step) return outOfTurn(frame);
        this.#outcomes.push(frame.outcome);
        this.#place = 'between';
        return ok(null);
      case 'done':
        if (this.#place !== 'between' || step !== undefined) return outOfTurn(frame);
        this.#place = 'complete';
        return ok(null);
      default:
        return never(frame);
    }
  }

  /** A sandbox stood, so something may have run. */
  get hasBegun(): boolean {
    return this.#place !== 'silent';
  }

  get isComplete(): boolean {
    return this.#place === 'complete';
  }

  get ready(): { readonly isolation: readonly string[]; readonly missing: readonly string[] } {
    return { isolation: this.#isolation, missing: this.#missing };
  }

  /** One outcome per asked step, in their order; only after `done`. */
  outcomes(): Result<StepOutcome[], string> {
    return this.isComplete ? ok([...this.#outcomes]) : no('The sandbox helper did not finish.');
  }
}

function outOfTurn(frame: HelperFrame): Result<null, string> {
  return no(`The sandbox helper sent "${frame.type}" out of turn.`);
}

function bounded(sentences: readonly string[]): string[] {
  return sentences.slice(0, sentencesMax).map((sentence) => sentence.slice(0, sentenceCharactersMax));
}
