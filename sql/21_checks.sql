create table credits.checks (
  name text primary key,
  findings integer not null,
  finished_at timestamptz not null default now(),
  constraint checks_name_is_known check (name in ('audit', 'reconcile', 'events_behind')),
  constraint checks_findings_is_a_count check (findings >= 0)
);

alter table credits.checks enable row level security;

comment on table credits.checks is
'What each check of an operator found when it last ran, so that monitoring sees it, and sees when none runs any more.';
comment on column credits.checks.name is
'audit: things that do not add up. reconcile: what a person has to look at. events_behind: events that webhooks had '
'not brought within minutes.';
