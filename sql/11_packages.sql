create table credits.packages (
  id uuid primary key default gen_random_uuid(),
  name text not null,
  description text not null default '',
  amount_minor bigint not null,
  currency text not null default 'usd',
  credits numeric(20, 6) not null,
  is_active boolean not null default true,
  sort_order integer not null default 0,
  created_at timestamptz not null default now(),
  constraint packages_name_is_given check (length(trim(name)) between 1 and 200),
  constraint packages_currency_is_iso check (currency ~ '^[a-z]{3}$'),
  constraint packages_amount_is_chargeable check (credits.is_chargeable(amount_minor, currency)),
  constraint packages_credits_are_positive check (credits > 0 and credits <> 'NaN')
);

alter table credits.packages enable row level security;

create policy "Signed-in users can see the packages on sale" on credits.packages
for select to authenticated
using (is_active);

comment on table credits.packages is
'What can be bought. A purchase copies price and credits, so a package may change or retire at any time.';
comment on column credits.packages.amount_minor is 'The price in the currency''s smallest unit, as Stripe takes it.';
comment on column credits.packages.credits is 'The credits that one purchase gives.';
