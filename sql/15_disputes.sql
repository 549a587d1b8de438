create table credits.disputes (
  id text primary key,
  user_id uuid not null,
  transaction_id uuid not null,
  amount_minor bigint not null,
  status text not null,
  status_at timestamptz not null,
  funds text not null default 'untouched',
  reason text,
  created_at timestamptz not null,
  constraint disputes_belong_to_the_users_purchase
  foreign key (user_id, transaction_id) references credits.transactions (user_id, id) on delete restrict,
  constraint disputes_amount_is_positive check (amount_minor > 0),
  constraint disputes_funds_is_known check (funds in ('untouched', 'withdrawn', 'reinstated'))
);

create index disputes_by_purchase on credits.disputes (user_id, transaction_id);

alter table credits.disputes enable row level security;

comment on table credits.disputes is 'One row per Stripe dispute with its newest known state.';
comment on column credits.disputes.funds is
'Whether the disputed money left the Stripe balance and came back. An inquiry moves none, so it takes no credits.';
