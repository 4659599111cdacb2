/** The operations that the fake offers: those of the cut description, a few that the vendor's types hold, and no other. */
import { accountRoutes } from './routes-accounts.ts';
import { checkRoutes } from './routes-checks.ts';
import { gitRoutes } from './routes-git.ts';
import type { Route } from './routes-kit.ts';
import { pullRoutes } from './routes-pulls.ts';
import { typedRoutes } from './routes-typed.ts';

/** Held against the description, request and answer. */
export const describedRoutes: readonly Route[] = [...accountRoutes, ...gitRoutes, ...pullRoutes, ...checkRoutes];
export const routes: readonly Route[] = [...describedRoutes, ...typedRoutes];
