-- What a publication asked of the forge, and when it may ask again: written before the call (DESIGN section 8, for forges).
alter table publication add column asked_at_ms integer;
alter table publication add column again_at_ms integer;
-- Where the forge shows the pull request; the embedded forge has its own pages.
alter table publication add column pull_url text;

-- How pull requests are opened there, as JSON; null: as patchgit does it by itself.
alter table repository add column pull_settings text;

-- What became of a publication, as the forge says it.
create table outcome (
  proposal_id text primary key references proposal (id),
  state text not null check (state in ('open', 'closed', 'merged')),
  checks_state text not null check (checks_state in ('none', 'pending', 'success', 'failure')),
  -- The whole answer as JSON, null before the first one.
  answer text,
  -- What the forge needs to say "nothing new" without an answer.
  seen text,
  opened_at_ms integer not null,
  checked_at_ms integer,
  next_at_ms integer not null,
  -- When labels and status were set or refused for good (null: still to do).
  marked_at_ms integer,
  trouble text
) strict, without rowid;
create index outcome_next on outcome (next_at_ms) where state = 'open';

-- Webhook deliveries that were taken, so that none is taken twice.
create table delivery (
  id text primary key,
  event text not null,
  received_at_ms integer not null
) strict, without rowid;

-- What was asked for on a forge, taken or ignored, once each.
create table intake (
  repository_id text not null references repository (id),
  key text not null,
  author text not null,
  number integer not null,
  url text not null,
  verdict text not null check (verdict in ('accepted', 'ignored')),
  message_id text,
  made_at_ms integer not null,
  seen_at_ms integer not null,
  -- When the forge was told where to look (null: still to do).
  answered_at_ms integer,
  primary key (repository_id, key)
) strict, without rowid;
