import { z } from 'zod';

/** 40 lower-case hex digits (SHA-1) or 64 (SHA-256): what git prints for an object. */
export const ObjectId = z
  .string()
  .regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, 'is not a git object id')
  .brand<'ObjectId'>();
export type ObjectId = z.infer<typeof ObjectId>;

/** sha256 of bytes we keep, as 64 lower-case hex digits. */
export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'is not a sha256')
  .brand<'Sha256'>();
export type Sha256 = z.infer<typeof Sha256>;

const id = <const Prefix extends string>(prefix: Prefix) =>
  z
    .string()
    .regex(new RegExp(`^${prefix}_[0-9a-f]{12}$`), `is not an id of the form ${prefix}_…`)
    .brand<Prefix>();

export const RepositoryId = id('repo');
export type RepositoryId = z.infer<typeof RepositoryId>;
export const ThreadId = z.uuid('is not a UUID').brand<'thread'>();
export type ThreadId = z.infer<typeof ThreadId>;
export const JobId = id('job');
export type JobId = z.infer<typeof JobId>;
export const ProposalId = id('prop');
export type ProposalId = z.infer<typeof ProposalId>;
export const DeviceId = id('dev');
export type DeviceId = z.infer<typeof DeviceId>;

/** Made by the client, so that sending the same thing twice is one thing (DESIGN section 3: message). */
export const RequestId = z.uuid('is not a UUID').brand<'request'>();
export type RequestId = z.infer<typeof RequestId>;
