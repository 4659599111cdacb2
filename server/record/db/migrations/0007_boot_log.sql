-- What a helper printed while it set itself up, as an artifact; or why that could not be fetched. All null: nobody has come that far.
alter table lease add column boot_log_sha256 text references artifact (sha256);
alter table lease add column boot_log_bytes integer check (boot_log_bytes > 0);
alter table lease add column boot_log_trouble text check (boot_log_trouble is null or boot_log_sha256 is null);
