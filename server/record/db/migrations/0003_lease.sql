-- The helper: one row per lease, written before the cloud is asked for anything, and one per machine that no lease owns. A private
-- key never stands here: after a restart a helper is destroyed.

create table lease (
  id text primary key,
  -- What the machine is called at the cloud; how it is found again when an answer was lost.
  name text not null unique,
  state text not null check (state in ('planned', 'creating', 'unknown', 'booting', 'ready', 'destroying', 'gone')),
  -- Each write counts it up, so that of two processes the slower one notices.
  version integer not null default 0 check (version >= 0),
  region text not null,
  size text not null,
  image text not null,
  usd_per_hour real not null check (usd_per_hour > 0),
  -- Null once it was handed on to the lease in the next region: then nothing was billed for this one.
  reservation_id text unique references reservation (id),
  planned_at_ms integer not null,
  deadline_at_ms integer not null check (deadline_at_ms > planned_at_ms),
  post_sent_at_ms integer,
  -- The cloud's answered no.
  refused_at_ms integer,
  machine_id integer unique check (machine_id > 0),
  -- When the cloud first showed the machine, other than in its answer to the POST.
  seen_at_ms integer,
  address text,
  ready_at_ms integer,
  destroy_asked_at_ms integer,
  destroy_sent_at_ms integer,
  absent_seen_at_ms integer,
  checked_at_ms integer,
  gone_at_ms integer,
  cost_micros integer check (cost_micros >= 0),
  trouble text,
  check ((state = 'planned') = (post_sent_at_ms is null) or state = 'gone'),
  check (state not in ('booting', 'ready', 'destroying') or machine_id is not null),
  check ((state = 'gone') = (gone_at_ms is not null)),
  check ((state = 'gone') = (cost_micros is not null)),
  check (state = 'gone' or reservation_id is not null),
  check (refused_at_ms is null or post_sent_at_ms is not null)
) strict;
-- Never two helpers, whoever asks.
create unique index lease_one_live on lease ((1)) where state <> 'gone';

create table stray (
  machine_id integer primary key check (machine_id > 0),
  name text not null,
  size text not null,
  -- From when on it is booked as a machine without an owner.
  billed_from_ms integer not null,
  seen_at_ms integer not null,
  destroy_sent_at_ms integer,
  absent_seen_at_ms integer,
  gone_at_ms integer,
  cost_micros integer check (cost_micros >= 0),
  check (cost_micros is null or gone_at_ms is not null)
) strict;
create index stray_there on stray (machine_id) where gone_at_ms is null;
