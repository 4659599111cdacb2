-- How what the checks need is installed first. owner_setup: a command, or 'none'; null leaves it to the base commit.
-- detected_setup: null until somebody has looked, '' when there is nothing to install.
alter table repository add column owner_setup text;
alter table repository add column detected_setup text;
