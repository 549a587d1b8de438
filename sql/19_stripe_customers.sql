create table credits.stripe_customers (
  user_id uuid not null references credits.accounts (user_id) on delete restrict,
  livemode boolean not null,
  stripe_customer_id text not null,
  created_at timestamptz not null default now(),
  primary key (user_id, livemode),
  constraint stripe_customers_customer_is_one unique (stripe_customer_id)
);

alter table credits.stripe_customers enable row level security;

comment on table credits.stripe_customers is 'The Stripe customer of a user, one for test mode and one for live mode.';
