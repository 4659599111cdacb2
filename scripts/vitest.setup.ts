import { configureGlobal } from 'fast-check';

/**
 * One seed for every run, so that whether a change lands does not hang on luck. Long searches take another seed from
 * PATCHGIT_TEST_SEED and, where a test allows it, PATCHGIT_TEST_TIMES as many runs; what they find becomes a test of its own.
 */
configureGlobal({ seed: Number(process.env['PATCHGIT_TEST_SEED'] ?? 20_261_121) });
