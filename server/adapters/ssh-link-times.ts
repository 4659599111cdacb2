/** How long everything about an SSH connection may take, and how often it is tried. */
export interface SshTimes {
  /** From the first packet to being let in. */
  readonly attemptMsMax: number;
  /** Between tries; grows by half each time. */
  readonly pauseMsMin: number;
  readonly pauseMsMax: number;
  /** The machine is ours, but does not take our key yet: it still writes its users, or lets in only root until it has booted. */
  readonly refusalsMax: number;
  readonly keepaliveMs: number;
  /** Unanswered ones, after which the connection counts as lost. */
  readonly keepalivesMissedMax: number;
  /** To open a channel, and to take leave. */
  readonly answerMsMax: number;
  /** A program has this long after each way of telling it to stop. */
  readonly stopMsMax: number;
}

export const patientTimes: SshTimes = {
  attemptMsMax: 15_000,
  pauseMsMin: 250,
  pauseMsMax: 2_000,
  refusalsMax: 30,
  keepaliveMs: 5_000,
  keepalivesMissedMax: 3,
  answerMsMax: 15_000,
  stopMsMax: 2_000,
};
