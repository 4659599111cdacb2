-- Everything Step 1 keeps. Forward only: a change is a new numbered file.

create table install (
  one integer primary key check (one = 1),
  id text not null,
  created_at_ms integer not null
) strict;

-- The append-only, hash-chained record. The triggers guard against our own bugs; the chain guards against everybody.
create table ledger (
  seq integer primary key check (seq >= 1),
  at_ms integer not null,
  kind text not null,
  actor text not null check (actor in ('owner', 'system', 'stranger')),
  subject text,
  job_id text,
  body text not null,
  prev_hash text not null,
  hash text not null unique
) strict;
create index ledger_job on ledger (job_id, seq) where job_id is not null;
create index ledger_subject on ledger (subject, seq) where subject is not null;
create index ledger_kind on ledger (kind, seq);

create trigger ledger_no_update before update on ledger begin
  select raise(abort, 'the ledger is append-only');
end;
create trigger ledger_no_delete before delete on ledger begin
  select raise(abort, 'the ledger is append-only');
end;
create trigger ledger_next_link before insert on ledger
when new.seq is not (select coalesce(max(seq), 0) + 1 from ledger)
  or new.prev_hash is not coalesce((select hash from ledger order by seq desc limit 1), '')
begin
  select raise(abort, 'a ledger entry must follow the last one');
end;

-- Where the chain ends. A chain alone cannot show that its tail was cut off.
create table ledger_head (
  one integer primary key check (one = 1),
  seq integer not null,
  hash text not null
) strict;
insert into ledger_head (one, seq, hash) values (1, 0, '');
create trigger ledger_head_follows after insert on ledger begin
  update ledger_head set seq = new.seq, hash = new.hash;
end;

create table artifact (
  sha256 text primary key check (length(sha256) = 64),
  bytes integer not null check (bytes >= 0),
  media_type text not null,
  kept_at_ms integer not null
) strict, without rowid;

-- The door.
create table device (
  id text primary key,
  name text not null,
  secret_hash text not null unique,
  enrolled_at_ms integer not null,
  last_seen_at_ms integer,
  revoked_at_ms integer,
  -- Enrolled since the last PIN reset: only such a device may choose the new PIN.
  may_choose_pin integer not null default 1 check (may_choose_pin in (0, 1)),
  failures integer not null default 0 check (failures >= 0),
  blocked_until_ms integer not null default 0
) strict;
create table enrol_link (
  token_hash text primary key,
  made_at_ms integer not null,
  expires_at_ms integer not null,
  used_at_ms integer
) strict, without rowid;
create table pin (
  one integer primary key check (one = 1),
  hash text not null,
  chosen_at_ms integer not null
) strict;
create table session (
  token_hash text primary key,
  device_id text not null references device (id),
  opened_at_ms integer not null,
  seen_at_ms integer not null,
  pin_at_ms integer not null,
  ended_at_ms integer
) strict, without rowid;
create index session_open on session (device_id) where ended_at_ms is null;
-- One row for all strangers together: they can slow each other down, never the owner.
create table stranger (
  one integer primary key check (one = 1),
  failures integer not null default 0 check (failures >= 0),
  blocked_until_ms integer not null default 0
) strict;
insert into stranger (one) values (1);

create table repository (
  id text primary key,
  name text not null collate nocase unique,
  url text not null,
  forge text not null check (forge in ('local', 'github')),
  default_branch text not null,
  head text,
  fetched_at_ms integer,
  owner_checks text,
  detected_checks text not null,
  owner_formatter text,
  detected_formatter text,
  author text,
  trouble text,
  added_at_ms integer not null,
  removed_at_ms integer
) strict;

-- Pull requests of the local forge. One branch has one.
create table pull (
  repository_id text not null references repository (id),
  number integer not null check (number >= 1),
  title text not null,
  body text not null,
  branch text not null,
  base text not null,
  commit_id text not null,
  state text not null check (state in ('open', 'closed', 'merged')),
  opened_at_ms integer not null,
  closed_at_ms integer,
  proposal_id text,
  primary key (repository_id, number),
  unique (repository_id, branch)
) strict, without rowid;

create table thread (
  id text primary key,
  title text not null,
  created_at_ms integer not null
) strict;

create table job (
  id text primary key,
  request_id text not null unique,
  request_digest text not null,
  repository_id text not null references repository (id),
  title text not null,
  state text not null check (state in ('queued', 'running', 'cancelling', 'proposed', 'refused', 'failed', 'cancelled')),
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
  attempts integer not null default 0 check (attempts >= 0),
  queue_order integer not null,
  created_at_ms integer not null,
  started_at_ms integer,
  ended_at_ms integer
) strict;
create index job_open on job (queue_order) where state in ('queued', 'running', 'cancelling');

create table message (
  seq integer primary key,
  id text not null unique,
  thread_id text not null references thread (id),
  author text not null check (author in ('owner', 'patchgit')),
  text text not null,
  request_digest text not null,
  job_id text references job (id),
  answered integer not null default 0 check (answered in (0, 1)),
  patch_sha256 text references artifact (sha256),
  patch_bytes integer,
  prompt text,
  problem text,
  in_reply_to text,
  repository text,
  created_at_ms integer not null
) strict;
create index message_thread on message (thread_id, seq);
create index message_unanswered on message (seq) where author = 'owner' and answered = 0;

create table proposal (
  id text primary key,
  job_id text not null references job (id),
  repository_id text not null references repository (id),
  digest text not null,
  document text not null,
  state text not null check (
    state in ('open', 'superseded', 'rejected', 'publishing', 'unknown', 'published', 'undoing', 'undone')
  ),
  freshness text,
  refusal text,
  superseded_by text,
  created_at_ms integer not null
) strict;
create index proposal_state on proposal (state, created_at_ms);

create table decision (
  proposal_id text primary key references proposal (id),
  kind text not null check (kind in ('go', 'reject', 'revise')),
  digest text not null,
  by text not null,
  note text,
  at_ms integer not null
) strict, without rowid;

create table publication (
  proposal_id text primary key references proposal (id),
  branch text not null,
  commit_id text,
  tree text not null,
  step text not null check (step in ('decided', 'committed', 'pushed', 'opened', 'closed', 'undone')),
  pull_number integer,
  trouble text,
  decided_at_ms integer not null
) strict, without rowid;
create unique index publication_commit on publication (commit_id) where commit_id is not null;
