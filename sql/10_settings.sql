create table credits.settings (
  singleton boolean primary key default true,
  currency text not null default 'usd',
  max_open_purchases integer not null default 10,
  open_purchase_window interval not null default '1 hour',
  refuse_disputing_users boolean not null default false,
  allow_capture_overrun boolean not null default false,
  constraint settings_is_one_row check (singleton),
  constraint settings_currency_is_iso check (currency ~ '^[a-z]{3}$'),
  constraint settings_max_open_purchases_is_positive check (max_open_purchases > 0),
  constraint settings_open_purchase_window_is_positive check (open_purchase_window > interval '0')
);

alter table credits.settings enable row level security;

create policy "Signed-in users can read the credit currency" on credits.settings
for select to authenticated
using (true);

insert into credits.settings default values;

comment on table credits.settings is 'One row: how this project sells credits.';
comment on column credits.settings.currency is 'The unit that a balance is shown in, an ISO 4217 code in lower case.';
comment on column credits.settings.refuse_disputing_users is
'Whether a user whose dispute is still open is refused new purchases.';
comment on column credits.settings.allow_capture_overrun is
'Whether a capture may take more than was held, as far as the user''s available credits reach.';
comment on column credits.settings.max_open_purchases is
'Unpaid purchases one user may have opened within open_purchase_window; one more is refused (card testing).';
