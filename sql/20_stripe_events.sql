create table credits.stripe_events (
  id text primary key,
  type text not null,
  livemode boolean,
  api_version text,
  created_at timestamptz,
  received_at timestamptz not null default now(),
  attempts integer not null default 1,
  outcome text not null,
  reason text,
  user_id uuid,
  transaction_id uuid,
  payload jsonb not null,
  constraint stripe_events_outcome_is_known check (outcome in ('applied', 'ignored', 'mismatch', 'failed')),
  constraint stripe_events_reason_is_given check (outcome = 'applied' or reason is not null)
);

create index stripe_events_of_user on credits.stripe_events (user_id, received_at);
create index stripe_events_to_look_at on credits.stripe_events (received_at)
where outcome in ('mismatch', 'failed');
create index stripe_events_without_purchase on credits.stripe_events ((payload #>> '{object,payment_intent}'))
where outcome = 'ignored' and reason = 'not_ours';

alter table credits.stripe_events enable row level security;

comment on table credits.stripe_events is
'Every event of Stripe that was received, once, with what became of it. Only a failed one is taken again.';
comment on column credits.stripe_events.outcome is
'applied: its facts are stored. ignored: of no concern here. mismatch: claims a purchase that it does not fit; for a '
'person to look at. failed: did not commit; Stripe delivers it again.';
comment on column credits.stripe_events.payload is
'The fields that settlement reads; the rest of the event stays at Stripe.';
