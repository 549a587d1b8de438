create table credits.refunds (
  id text primary key,
  user_id uuid not null,
  transaction_id uuid not null,
  amount_minor bigint not null,
  status text not null,
  status_at timestamptz not null,
  reason text,
  failure_reason text,
  created_at timestamptz not null,
  constraint refunds_belong_to_the_users_purchase
  foreign key (user_id, transaction_id) references credits.transactions (user_id, id) on delete restrict,
  constraint refunds_amount_is_positive check (amount_minor > 0),
  constraint refunds_status_is_known check (status in ('pending', 'requires_action', 'succeeded', 'failed', 'canceled'))
);

create index refunds_by_purchase on credits.refunds (user_id, transaction_id);

alter table credits.refunds enable row level security;

comment on table credits.refunds is 'One row per Stripe refund with its newest known state.';
