create table credits.accounts (
  user_id uuid primary key,
  auth_user_id uuid unique,
  balance numeric(20, 6) not null default 0,
  held numeric(20, 6) not null default 0,
  due_at timestamptz not null default 'infinity',
  last_entry_at timestamptz not null default '-infinity',
  created_at timestamptz not null default now(),
  -- The name is what somebody reads who deletes such a user.
  constraint user_has_credits_call_forget_user_before_deleting
  foreign key (auth_user_id) references auth.users (id) on delete restrict,
  constraint accounts_auth_user_is_the_user check (auth_user_id = user_id),
  constraint accounts_balance_is_a_number check (balance <> 'NaN'),
  constraint accounts_held_is_not_negative check (held >= 0 and held <> 'NaN')
)
with (fillfactor = 50);

create index accounts_due on credits.accounts (due_at) where due_at < 'infinity';

alter table credits.accounts enable row level security;

create policy "Users can see their own account" on credits.accounts
for select to authenticated
using ((select auth.uid()) = user_id);

comment on table credits.accounts is
'One row per user who has ever bought or been given credits. Its lock orders all that moves the user''s money.';
comment on column credits.accounts.user_id is 'The user''s id in auth.users, kept when that user is gone.';
comment on column credits.accounts.auth_user_id is
'The link to auth.users: a user with a money history cannot be deleted while it stands. Null once forget_user cut it.';
comment on column credits.accounts.balance is
'The sum of the user''s ledger entries. Below zero is a debt: credits were spent before their payment was taken back.';
comment on column credits.accounts.held is 'The sum of the open holds: reserved, and not to be spent otherwise.';
comment on column credits.accounts.due_at is
'No hold and no lot of the account expires before this. Whoever locks the account later than that brings it up to '
'date first, see 34_lapse.sql.';
comment on column credits.accounts.last_entry_at is 'created_at of the newest ledger entry.';
