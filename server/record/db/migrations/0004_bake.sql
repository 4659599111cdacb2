-- What a helper is for, when the cloud said that it is made, and the images that are made of helpers.

alter table lease add column kind text not null default 'work' check (kind in ('work', 'bake', 'probe'));
alter table lease add column created_at_ms integer;

-- One row for each `patchgit helper bake`, written before anything is ordered. What the cloud shows as a snapshot of ours is only used
-- when its row is `good`, and every other one is deleted.
create table bake (
  id text primary key,
  state text not null check (state in ('building', 'snapshotting', 'probing', 'good', 'failed')),
  -- What the snapshot is called at the cloud, by which it is found again when an answer was lost.
  name text not null unique,
  region text,
  snapshot_id integer unique check (snapshot_id > 0),
  size_gib real check (size_gib >= 0),
  -- Set aside together, so that what was built can also be tried.
  builder_reservation_id text not null unique references reservation (id),
  probe_reservation_id text not null unique references reservation (id),
  started_at_ms integer not null,
  ended_at_ms integer,
  trouble text,
  check ((state in ('good', 'failed')) = (ended_at_ms is not null)),
  check (state not in ('probing', 'good') or (snapshot_id is not null and region is not null)),
  check (state <> 'failed' or trouble is not null)
) strict;
-- Never two at a time, whoever asks.
create unique index bake_one_live on bake ((1)) where ended_at_ms is null;
