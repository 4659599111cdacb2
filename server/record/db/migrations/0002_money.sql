-- Money: reservations in two phases, approvals that are used once, prices the owner or the cloud has given; and a job that
-- was stopped at the cap rests in a state of its own.

create table approval (
  id text primary key,
  request_id text not null unique,
  -- The job or the proposal it was given for.
  subject text not null,
  purpose text not null,
  -- JSON list of what the owner said yes to.
  needs text not null,
  micros integer not null check (micros > 0),
  by text not null,
  granted_at_ms integer not null,
  expires_at_ms integer not null check (expires_at_ms > granted_at_ms),
  withdrawn_at_ms integer,
  -- The installation it was given to: a restored backup is another one, and does not know whether it was used since.
  install text
) strict;
create index approval_subject on approval (subject, granted_at_ms);

create table reservation (
  id text primary key,
  category text not null check (category in ('helper', 'external_api')),
  purpose text not null,
  job_id text references job (id),
  proposal_id text,
  state text not null check (state in ('pending', 'posted', 'voided')),
  reserved_micros integer not null check (reserved_micros > 0),
  posted_micros integer check (posted_micros >= 0),
  -- No approval is used twice: the database holds that too.
  approval_id text unique references approval (id),
  at_ms integer not null,
  deadline_at_ms integer not null check (deadline_at_ms >= at_ms),
  settled_at_ms integer check (settled_at_ms >= at_ms),
  check ((state = 'posted') = (posted_micros is not null)),
  check ((state = 'pending') = (settled_at_ms is null))
) strict;
create index reservation_pending on reservation (deadline_at_ms) where state = 'pending';
create index reservation_settled on reservation (settled_at_ms) where state = 'posted';

-- Prices that are not in budget.json: typed by the owner, or taken from the cloud's own list.
create table price (
  kind text not null check (kind in ('size', 'model')),
  name text not null,
  source text not null check (source in ('owner', 'cloud')),
  price text not null,
  taken_at_ms integer not null,
  primary key (kind, name, source)
) strict, without rowid;

create table job_new (
  id text primary key,
  request_id text not null unique,
  request_digest text not null,
  repository_id text not null references repository (id),
  title text not null,
  state text not null check (
    state in ('queued', 'running', 'cancelling', 'stopped_at_cap', 'proposed', 'refused', 'failed', 'cancelled')
  ),
  stage text not null check (stage in ('plan', 'patch', 'prove')),
  stage_started_at_ms integer,
  base_ref text not null,
  base_sha text,
  received_sha256 text not null references artifact (sha256),
  plan text,
  patch text,
  proposal_id text,
  problem text,
  message_id text,
  -- The way the owner chose instead of the plan's own choice.
  wanted_option text,
  attempts integer not null default 0 check (attempts >= 0),
  queue_order integer not null,
  created_at_ms integer not null,
  started_at_ms integer,
  ended_at_ms integer
) strict;
insert into job_new (
  id, request_id, request_digest, repository_id, title, state, stage, stage_started_at_ms, base_ref, base_sha, received_sha256,
  plan, patch, proposal_id, problem, message_id, attempts, queue_order, created_at_ms, started_at_ms, ended_at_ms
)
select
  id, request_id, request_digest, repository_id, title, state, stage, stage_started_at_ms, base_ref, base_sha, received_sha256,
  plan, patch, proposal_id, problem, message_id, attempts, queue_order, created_at_ms, started_at_ms, ended_at_ms
from job;
drop table job;
alter table job_new rename to job;
create index job_open on job (queue_order) where state in ('queued', 'running', 'cancelling');
