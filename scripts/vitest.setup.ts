import { configureGlobal } from 'fast-check';

/**
 * One seed for every run, so that whether a change lands does not hang on luck. Long searches with other seeds are made by
 * hand; what they find becomes a test of its own.
 */
configureGlobal({ seed: 20_261_121 });
