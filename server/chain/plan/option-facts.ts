/** What the list of options is made from: values only, gathered elsewhere. */
import type { Need } from '#contract/spend.ts';

export interface Estimate {
  readonly percent: number;
  readonly low: number;
  readonly high: number;
}

/** A helper size with what a run on it would cost; null when its price is not known. */
export interface SizeFacts {
  readonly slug: string;
  readonly memoryMiB: number;
  readonly expectedMicros: number | null;
  readonly worstMicros: number | null;
  /** Policy asks the owner before a size this large, whatever it costs. */
  readonly isLarge: boolean;
}

export interface OptionFacts {
  readonly request: {
    /** The change is there as bytes; without them a model has to write it. */
    readonly hasPatch: boolean;
    /** What has to be answered before a change can be made. */
    readonly questions: number;
    /** It came from strangers: it is not proved beside the secrets of the control plane (DESIGN section 9). */
    readonly isForeign: boolean;
  };
  readonly profile: {
    /** What a check needs, as the base's policy says or as earlier proofs have shown; null: nothing is known. */
    readonly memoryMiB: number | null;
    readonly checks: readonly string[];
    /** Something is installed first. */
    readonly hasSetUp: boolean;
    /** Checks, or the set-up, that a limit of the base sandbox has ended the last time. */
    readonly tooHeavy: readonly string[];
    /** Of one whole proof, before and after. */
    readonly expectedMinutes: number;
    readonly worstMinutes: number;
  };
  readonly base: { readonly usable: boolean; readonly why: string; readonly memoryMiB: number };
  readonly helper: {
    readonly usable: boolean;
    readonly why: string;
    readonly bootMinutes: number;
    readonly sizes: readonly SizeFacts[];
  };
  readonly secondHelper: 'ask' | 'never';
  readonly external: {
    readonly usable: boolean;
    readonly why: string;
    readonly model: string | null;
    readonly expectedMicros: number | null;
    readonly worstMicros: number | null;
  };
  readonly money: { readonly hourLeftMicros: number; readonly dayLeftMicros: number };
  /** What the owner has approved already for this very job. */
  readonly approved: { readonly micros: number; readonly needs: readonly Need[] } | null;
  /** Expected confidence when this share (0 to 1) of the checks ran and passed; null: none was to run. */
  readonly confidenceFor: (checkedShare: number | null) => Estimate;
}
