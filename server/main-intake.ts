/** Builds what hears from forges: outcomes of what was published, pushes to a base, and what the owner asks for there. */
import { verifyWith } from './adapters/github-webhook.ts';
import { outcomeReconciler } from './chain/outcome/reconcile.ts';
import type { OutcomeParts } from './chain/outcome/perform.ts';
import { outcomeStore } from './chain/outcome/store.ts';
import { baseTracker } from './chain/proposal/track.ts';
import type { IntakeParts } from './doors/intake/perform.ts';
import { intake } from './doors/intake/reconcile.ts';
import { intakeRoutes } from './doors/intake/routes.ts';
import { intakeStore } from './doors/intake/store.ts';
import type { Routes } from './doors/http/route.ts';

type TrackParts = Omit<Parameters<typeof baseTracker>[0], 'clock' | 'log' | 'repositories' | 'proposals'>;

type Parts = Omit<OutcomeParts, 'outcomes'> &
  Omit<IntakeParts, 'intakes' | 'repositories' | 'lookedAtMs'> &
  TrackParts &
  Pick<Parameters<typeof baseTracker>[0], 'repositories'> &
  Pick<IntakeParts, 'repositories'> & {
    readonly crash: (error: unknown) => void;
    /** GITHUB_WEBHOOK_SECRET, or null: then no webhook is believed. */
    readonly webhookSecret: string | null;
    /** "https://github.com": what a repository's address begins with there. */
    readonly gitOrigin: string;
  };

export interface Hearing {
  readonly routes: Routes;
  /** A pull request was opened: its labels and its proof are shown there at once. */
  readonly onOpened: () => void;
  /** Looks at everything once, at the start. */
  readonly begin: () => void;
  readonly stop: () => Promise<void>;
}

export function hearing(parts: Parts): Hearing {
  const { db, clock, repositories, webhookSecret, gitOrigin } = parts;
  const outcomes = outcomeStore(db);
  const intakes = intakeStore(db, clock);
  const outcome = outcomeReconciler({ ...parts, outcomes });
  const requests = intake({ ...parts, intakes });
  const tracking = baseTracker(parts);
  // A repository may be added under any of its addresses; GitHub tells names apart without letter case.
  const nameIn = (url: string): string | null =>
    url.toLowerCase().startsWith(`${gitOrigin.toLowerCase()}/`)
      ? url
          .slice(gitOrigin.length + 1)
          .replace(/\.git$|\/$/, '')
          .toLowerCase()
      : null;
  const routes = intakeRoutes({
    ...parts,
    intakes,
    verify: webhookSecret === null ? null : verifyWith(webhookSecret),
    findRepository: (fullName) => repositories.list().find(({ url }) => nameIn(url) === fullName.toLowerCase()) ?? null,
    onPulls: (id, number) => {
      db.transaction(() => outcomes.hurry(id, number, clock.nowMs()));
      outcome.nudge();
    },
    onPush: tracking.nudge,
    onRequests: requests.nudge,
  });
  return {
    routes,
    onOpened: outcome.nudge,
    begin: () => {
      outcome.nudge();
      requests.nudge();
    },
    stop: async () => void (await Promise.all([outcome.stop(), requests.stop(), tracking.stop()])),
  };
}
