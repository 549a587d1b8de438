-- Everything that holds state is private: `credits` is never exposed by PostgREST.
-- What an app may touch stands in `public`, as views and functions named credit_* or listed in 90_grants.sql.
create schema credits;

comment on schema credits is
'Topup: prepaid credits. Private; read through the public.credit_* views, write through the public functions.';

revoke all on schema credits from public;

create function public.credit_schema_version()
returns integer
language sql
stable -- not immutable: folded into a cached plan, it would answer a role that may not execute it
set search_path = ''
as $$ select 1 $$;

comment on function public.credit_schema_version() is
'The version of this schema. The service is ready only on a schema that is not older than the one it was built for.';
create function credits.fail(p_status integer, p_code text, p_message text, p_hint text default null)
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'PT' || p_status,
    message = p_message,
    detail = p_code,
    hint = coalesce(p_hint, '');
end
$$;

comment on function credits.fail(integer, text, text, text) is
'Raises SQLSTATE PTxyz, which PostgREST answers as HTTP xyz. `details` is the stable code that clients test; the '
'message is for people and may change.';
-- Stripe's currencies page: amounts are integers in the smallest unit that the API takes. The exponent is 2 but here.
create function credits.major_units(p_amount_minor bigint, p_currency text)
returns numeric
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return case
    when p_currency in (
      'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf'
    ) then p_amount_minor::numeric
    when p_currency in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then p_amount_minor * 0.001
    else p_amount_minor * 0.01
  end;
end
$$;

comment on function credits.major_units(bigint, text) is
'Minor units as a decimal with the currency''s own number of places: 1500 usd is 15.00, 1500 jpy 1500, 1500 kwd 1.500.';

create function credits.is_chargeable(p_amount_minor bigint, p_currency text)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return case
    when p_amount_minor not between 1 and case p_currency when 'idr' then 999999999999 else 99999999 end then false
    when p_currency in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then p_amount_minor % 10 = 0
    when p_currency in ('isk', 'ugx') then p_amount_minor % 100 = 0
    else true
  end;
end
$$;

comment on function credits.is_chargeable(bigint, text) is
'Whether Stripe takes this amount: up to 8 digits (idr 12); three-decimal currencies end in 0, isk and ugx in 00.';

create function credits.shown(p_credits numeric)
returns numeric
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return round(p_credits, greatest(2, min_scale(p_credits)));
end
$$;

comment on function credits.shown(numeric) is
'Credits as people read them: at least two decimals and no trailing zeros beyond, 25.500000 is 25.50.';
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
create table credits.transactions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references credits.accounts (user_id) on delete restrict,
  package_id uuid not null references credits.packages (id) on delete restrict,
  description text not null,
  amount_minor bigint not null,
  currency text not null,
  credits numeric(20, 6) not null,
  livemode boolean not null,
  idempotency_key text,
  stripe_payment_method_id text,
  stripe_payment_intent_id text,

  -- Facts: what Stripe said last, see 40_payment_facts.sql and its neighbours.
  payment_state text not null default 'pending',
  payment_state_at timestamptz not null default '-infinity',
  payment_event_id text not null default '',
  failure_code text,
  failure_message text,
  refunded_minor bigint not null default 0,
  disputed_minor bigint not null default 0,
  charge_refunded_minor bigint not null default 0,
  charge_refunded_at timestamptz not null default '-infinity',

  -- What settlement has posted to the ledger for this purchase so far, see 32_settle.sql.
  credits_purchased numeric(20, 6) not null default 0,
  credits_refunded numeric(20, 6) not null default 0,
  credits_disputed numeric(20, 6) not null default 0,

  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  status text not null generated always as (
    case
      when payment_state <> 'succeeded' then payment_state
      when disputed_minor > 0 then 'disputed'
      when refunded_minor >= amount_minor then 'refunded'
      when refunded_minor > 0 then 'partially_refunded'
      else 'succeeded'
    end
  ) stored,

  constraint transactions_id_is_the_users unique (user_id, id),
  constraint transactions_payment_intent_is_one unique (stripe_payment_intent_id),
  constraint transactions_idempotency_key_is_one unique (user_id, idempotency_key),
  constraint transactions_amount_is_chargeable check (credits.is_chargeable(amount_minor, currency)),
  constraint transactions_credits_are_positive check (credits > 0 and credits <> 'NaN'),
  constraint transactions_payment_state_is_known check (
    payment_state in ('pending', 'requires_action', 'processing', 'failed', 'canceled', 'succeeded')
  ),
  constraint transactions_refunded_is_not_negative check (refunded_minor >= 0),
  constraint transactions_disputed_is_not_negative check (disputed_minor >= 0),
  constraint transactions_posted_is_within_the_purchase check (
    credits_purchased in (0, credits)
    and credits_refunded >= 0
    and credits_disputed >= 0
    and credits_refunded + credits_disputed <= credits_purchased
  )
)
with (fillfactor = 70);

create index transactions_history on credits.transactions (user_id, created_at desc, id desc);

alter table credits.transactions enable row level security;

create policy "Users can see their own purchases" on credits.transactions
for select to authenticated
using ((select auth.uid()) = user_id);

comment on table credits.transactions is
'One purchase of one package: amounts copied when it was opened, what Stripe said of it, and what was posted for it.';
comment on column credits.transactions.payment_state is 'Where the payment stands, from PaymentIntent events alone.';
comment on column credits.transactions.status is
'What a buyer is shown: the payment''s state, then its refunds and disputes.';
comment on column credits.transactions.refunded_minor is 'The part of amount_minor that refunds have taken back.';
comment on column credits.transactions.charge_refunded_minor is
'The cumulative refund that the charge itself told at charge_refunded_at, for endpoints that get no refund events.';
comment on column credits.transactions.disputed_minor is 'The part of amount_minor that disputes have taken back.';
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
-- One function instead of a check for each rule: a check is read anew from its text at every insert.
create function credits.fits_kind(p_kind text, p_transaction_id uuid, p_spend_id bigint, p_lots jsonb)
returns boolean
language plpgsql
immutable
parallel safe
set search_path = ''
as $$
begin
  return p_kind in ('purchase', 'refund', 'dispute', 'grant', 'spend', 'spend_refund', 'expiry')
    and (p_transaction_id is not null) = (p_kind in ('purchase', 'refund', 'dispute'))
    and (p_spend_id is not null) = (p_kind = 'spend_refund')
    and (p_lots is null) = (p_kind in ('purchase', 'grant'));
end
$$;

comment on function credits.fits_kind(text, uuid, bigint, jsonb) is
'Whether a ledger entry names what its kind has: purchase, refund and dispute their purchase, a spend_refund its '
'spend, and all but those that open a lot of their own (purchase, grant) the lots they move.';

-- No foreign key to accounts, which would lock each account row once more: credits.post_entry inserts from the
-- account's own update, and lots, of which every account with entries has one, keep it from being deleted.
create table credits.ledger_entries (
  id bigint generated always as identity,
  user_id uuid not null,
  kind text not null,
  amount numeric(20, 6) not null,
  balance_after numeric(20, 6) not null,
  transaction_id uuid,
  spend_id bigint,
  lots jsonb,
  description text not null,
  metadata jsonb,
  key text not null,
  created_at timestamptz not null,
  primary key (user_id, id),
  constraint ledger_entries_key_is_one unique (user_id, key),
  constraint ledger_entries_created_at_is_one unique (user_id, created_at),
  constraint ledger_entries_belong_to_the_users_purchase
  foreign key (user_id, transaction_id) references credits.transactions (user_id, id) on delete restrict,
  constraint ledger_entries_refund_is_of_the_users_spend
  foreign key (user_id, spend_id) references credits.ledger_entries (user_id, id) on delete restrict,
  constraint ledger_entries_fit_their_kind check (credits.fits_kind(kind, transaction_id, spend_id, lots)),
  constraint ledger_entries_amount_moves_the_balance check (amount <> 0 and amount <> 'NaN')
);

-- A planner who takes an account for one with a single entry, as most are in a young table, may look a key up by
-- reading all entries of the account.
alter table credits.ledger_entries alter column user_id set (n_distinct = -0.05);

create index ledger_entries_by_kind on credits.ledger_entries (user_id, kind, created_at) where kind <> 'spend';
create index ledger_entries_refunds_of_spend on credits.ledger_entries (user_id, spend_id) where spend_id is not null;

alter table credits.ledger_entries enable row level security;

create policy "Users can see their own ledger" on credits.ledger_entries
for select to authenticated
using ((select auth.uid()) = user_id);

create function credits.refuse_ledger_change()
returns trigger
language plpgsql
set search_path = ''
as $$
begin
  raise exception 'credits.ledger_entries is append-only: post an entry that corrects it instead of a %', tg_op
    using errcode = 'restrict_violation';
end
$$;

create trigger ledger_entries_are_append_only
before update or delete or truncate on credits.ledger_entries
for each statement execute function credits.refuse_ledger_change();

comment on table credits.ledger_entries is
'Every change of a balance, append-only, in the order in which it happened. Written by 31_post_entry.sql alone.';
comment on column credits.ledger_entries.amount is 'Credits, signed: what the balance moved by.';
comment on column credits.ledger_entries.balance_after is 'The user''s balance once this entry was posted.';
comment on column credits.ledger_entries.spend_id is 'The spend that a spend_refund gives back.';
comment on column credits.ledger_entries.lots is
'What the entry took from which lots, or gave back to them: {"lot id": signed credits}, in sum the amount. Null where '
'the entry opened a lot of its own.';
comment on column credits.ledger_entries.metadata is 'The app''s own notes, an object. The user can read them.';
comment on column credits.ledger_entries.key is
'What makes the entry happen once: the event or request that caused it.';
comment on column credits.ledger_entries.created_at is
'When it was posted. Rises with id within an account, so history pages by it alone.';
create table credits.lots (
  user_id uuid not null references credits.accounts (user_id) on delete restrict,
  id bigint not null,
  transaction_id uuid,
  remaining numeric(20, 6) not null,
  expires_at timestamptz not null default 'infinity',
  priority smallint not null default 50,
  is_open boolean not null generated always as (remaining > 0) stored,
  primary key (user_id, id),
  constraint lots_are_opened_by_an_entry
  foreign key (user_id, id) references credits.ledger_entries (user_id, id) on delete restrict,
  constraint lots_belong_to_the_users_purchase
  foreign key (user_id, transaction_id) references credits.transactions (user_id, id) on delete restrict,
  constraint lots_of_a_purchase_do_not_expire check (transaction_id is null or expires_at = 'infinity'),
  constraint lots_priority_is_within_range check (priority between 0 and 100)
)
with (fillfactor = 50);

-- is_open stands for `remaining > 0`, so that taking a part of a lot touches no index.
create index lots_to_spend on credits.lots (user_id, expires_at, priority, id) where is_open;

create unique index lots_of_a_purchase_are_one on credits.lots (user_id, transaction_id)
where transaction_id is not null;

alter table credits.lots enable row level security;

create policy "Users can see their own lots" on credits.lots
for select to authenticated
using ((select auth.uid()) = user_id);

comment on table credits.lots is
'Credits that came together, by one purchase or grant, and what is left of them. A balance is the sum of its lots.';
comment on column credits.lots.id is 'The ledger entry that opened the lot.';
comment on column credits.lots.remaining is
'What was given, less what was taken. Below zero, in the lot of a purchase, it is the debt of a payment that was taken '
'back after its credits were spent; no other lot pays for it until somebody pays.';
comment on column credits.lots.priority is 'Among lots that expire together, the lower is spent first; then the older.';
create table credits.holds (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references credits.accounts (user_id) on delete restrict,
  amount numeric(20, 6) not null,
  status text not null default 'open',
  idempotency_key text not null,
  description text not null,
  metadata jsonb,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  constraint holds_idempotency_key_is_one unique (user_id, idempotency_key),
  constraint holds_amount_is_positive check (amount > 0 and amount <> 'NaN'),
  constraint holds_status_is_known check (status in ('open', 'captured', 'released', 'expired')),
  constraint holds_expire_after_they_began check (expires_at > created_at)
)
with (fillfactor = 70);

create index holds_open on credits.holds (user_id, expires_at) where status = 'open';

alter table credits.holds enable row level security;

create policy "Users can see their own holds" on credits.holds
for select to authenticated
using ((select auth.uid()) = user_id);

comment on table credits.holds is 'Credits reserved for work whose price is not known yet.';
comment on column credits.holds.status is
'open until it is captured (a ledger entry took what was used), released, or expired. An open one whose time has come '
'counts for nothing, even before somebody has marked it.';
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
create type credits.funds as (balance numeric, held numeric);

create function credits.lock_account(p_user_id uuid)
returns credits.funds
language plpgsql
set search_path = ''
as $$
declare
  funds credits.funds;
  due_at timestamptz;
begin
  select a.balance, a.held, a.due_at into funds.balance, funds.held, due_at
  from credits.accounts as a
  where a.auth_user_id = p_user_id
  for no key update;
  if not found then
    insert into credits.accounts (user_id, auth_user_id)
    select u.id, u.id from auth.users as u where u.id = p_user_id
    on conflict do nothing;
    select a.balance, a.held, a.due_at into funds.balance, funds.held, due_at
    from credits.accounts as a
    where a.auth_user_id = p_user_id
    for no key update;
    if not found then
      perform credits.fail(403, 'user_not_found', 'There is no such user.');
    end if;
  end if;
  if due_at <= now() then
    funds := credits.lapse(p_user_id);
  end if;
  return funds;
end
$$;

comment on function credits.lock_account(uuid) is
'Locks the user''s account, opening it first where there is none, and lets lapse what has expired. All that reads or '
'moves a user''s money holds this lock before it does so, or takes it by the update that does it, credits.post_spend; '
'several are taken in the order of user_id, so no two can wait for each other.';
create type credits.posted as (entry_id bigint, balance numeric);

create function credits.post_entry(
  p_user_id uuid,
  p_kind text,
  p_amount numeric,
  p_key text,
  p_description text,
  p_lots jsonb,
  p_transaction_id uuid default null,
  p_spend_id bigint default null,
  p_metadata jsonb default null
)
returns credits.posted
language plpgsql
set search_path = ''
as $$
declare
  posted credits.posted;
  posted_at timestamptz;
begin
  update credits.accounts
  set
    balance = balance + p_amount,
    last_entry_at = greatest(clock_timestamp(), last_entry_at + interval '1 microsecond')
  where user_id = p_user_id
  returning balance, last_entry_at into strict posted.balance, posted_at;

  insert into credits.ledger_entries (
    user_id, kind, amount, balance_after, transaction_id, spend_id, lots, description, metadata, key, created_at
  )
  values (
    p_user_id, p_kind, p_amount, posted.balance, p_transaction_id, p_spend_id, p_lots, p_description, p_metadata,
    p_key, posted_at
  )
  returning id into posted.entry_id;
  return posted;
end
$$;

comment on function
credits.post_entry(uuid, text, numeric, text, text, jsonb, uuid, bigint, jsonb) is
'Moves a balance and writes the ledger entry that says so. p_lots says how much of the amount went to which lot: what '
'credits.draw or credits.move_lots gave when they moved them. The key makes the entry happen once; posting it again '
'raises unique_violation. With its two neighbours here the only code that writes a balance.';

create function credits.key_is_used(p_user_id uuid, p_key text)
returns boolean
language plpgsql
volatile -- so that each call sees what is committed by then
set search_path = ''
as $$
begin
  return exists (select from credits.ledger_entries as e where e.user_id = p_user_id and e.key = p_key);
end
$$;

comment on function credits.key_is_used(uuid, text) is 'Whether an entry of the user has this key by now.';

create function credits.post_spend(
  p_user_id uuid, p_amount numeric, p_key text, p_description text, p_metadata jsonb
)
returns credits.posted
language plpgsql
set search_path = ''
as $$
declare
  posted credits.posted;
  posted_at timestamptz;
begin
  -- Lock, questions and payment in one statement: where it had to wait for the lock, Postgres asks all of it again.
  update credits.accounts as a
  set
    balance = a.balance - p_amount,
    last_entry_at = greatest(clock_timestamp(), a.last_entry_at + interval '1 microsecond')
  where a.auth_user_id = p_user_id
    and a.balance - a.held >= p_amount
    and a.due_at > now()
    and not credits.key_is_used(a.user_id, p_key)
  returning a.balance, a.last_entry_at into posted.balance, posted_at;
  if not found then
    return null;
  end if;

  insert into credits.ledger_entries (
    user_id, kind, amount, balance_after, lots, description, metadata, key, created_at
  )
  values (
    p_user_id, 'spend', -p_amount, posted.balance, credits.draw(p_user_id, p_amount), p_description, p_metadata, p_key,
    posted_at
  )
  returning id into posted.entry_id;
  return posted;
end
$$;

comment on function credits.post_spend(uuid, numeric, text, text, jsonb) is
'Spends what is there in one go. Null, and nothing is changed, where there is more to it: no account, not enough, '
'something that lapses first, or a key that is used.';

create type credits.opening as (
  user_id uuid,
  kind text,
  amount numeric,
  key text,
  description text,
  transaction_id uuid,
  expires_at timestamptz,
  priority integer
);

-- Planned once for many calls: by the keys, whatever the size of the tables was when a session began.
create function credits.open_lots(p_openings credits.opening[])
returns setof credits.posted
language plpgsql
set search_path = ''
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  opened integer;
begin
  return query
  with account as (
    update credits.accounts as a
    set
      balance = a.balance + o.amount,
      last_entry_at = greatest(clock_timestamp(), a.last_entry_at + interval '1 microsecond')
    from unnest(p_openings) as o
    where a.user_id = o.user_id
    returning o.*, a.balance, a.last_entry_at
  ),

  entry as (
    insert into credits.ledger_entries (
      user_id, kind, amount, balance_after, transaction_id, description, key, created_at
    )
    select a.user_id, a.kind, a.amount, a.balance, a.transaction_id, a.description, a.key, a.last_entry_at
    from account as a
    returning user_id, id, balance_after
  ),

  lot as (
    insert into credits.lots (user_id, id, transaction_id, remaining, expires_at, priority)
    select a.user_id, e.id, a.transaction_id, a.amount, a.expires_at, a.priority
    from account as a
    inner join entry as e on a.user_id = e.user_id
  )

  select e.id, e.balance_after
  from entry as e;

  get diagnostics opened = row_count;
  if opened <> cardinality(p_openings) then
    raise no_data_found using message = 'Each opening needs an account of its own.';
  end if;
end
$$;

comment on function credits.open_lots(credits.opening[]) is
'Posts credits that are new, each as a ledger entry and a lot of its own. The accounts are locked, and no two openings '
'are of one user.';
create function credits.share(p_credits numeric, p_part_minor bigint, p_amount_minor bigint)
returns numeric
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return div(p_credits * 1000000 * least(p_part_minor, p_amount_minor), p_amount_minor) * 0.000001;
end
$$;

comment on function credits.share(numeric, bigint, bigint) is
'The credits that stand for a part of the price. Always cut from a cumulative part, never from a step, so that steps '
'which add up to the price add up to the credits.';

create type credits.entitlement as (purchased numeric, refunded numeric, disputed numeric);

create function credits.entitlement_of(p_purchase credits.transactions)
returns credits.entitlement
language plpgsql
immutable
set search_path = ''
as $$
declare
  refunded numeric;
begin
  if p_purchase.payment_state <> 'succeeded' then
    return row(0, 0, 0)::credits.entitlement;
  end if;
  refunded := credits.share(p_purchase.credits, p_purchase.refunded_minor, p_purchase.amount_minor);
  return row(
    p_purchase.credits,
    refunded,
    credits.share(
      p_purchase.credits, p_purchase.refunded_minor + p_purchase.disputed_minor, p_purchase.amount_minor
    ) - refunded
  )::credits.entitlement;
end
$$;

comment on function credits.entitlement_of(credits.transactions) is
'What a purchase''s facts entitle the user to: nothing until it is paid, then its credits less the refunded and the '
'disputed share. A function of the facts alone, so the order in which they became known leaves no trace.';

create type credits.settlement as (
  cause text,
  purchase credits.transactions,
  purchased numeric,
  refunded numeric,
  disputed numeric
);

create function credits.settlement_of(p_purchase credits.transactions, p_cause text)
returns credits.settlement
language plpgsql
immutable
set search_path = ''
as $$
declare
  target constant credits.entitlement := credits.entitlement_of(p_purchase);
  settlement credits.settlement;
begin
  settlement.cause := p_cause;
  settlement.purchased := target.purchased - p_purchase.credits_purchased;
  settlement.refunded := p_purchase.credits_refunded - target.refunded;
  settlement.disputed := p_purchase.credits_disputed - target.disputed;
  p_purchase.credits_purchased := target.purchased;
  p_purchase.credits_refunded := target.refunded;
  p_purchase.credits_disputed := target.disputed;
  settlement.purchase := p_purchase;
  return settlement;
end
$$;

comment on function credits.settlement_of(credits.transactions, text) is
'The difference between what a purchase''s facts entitle the user to and what the ledger says already: the credits to '
'post for each kind, and the purchase as it is once they are posted.';

create function credits.settle(p_settlements credits.settlement[])
returns void
language plpgsql
set search_path = ''
as $$
declare
  movement record;
begin
  perform credits.open_lots(array(
    select
      row(
        (s.purchase).user_id, 'purchase', s.purchased, s.cause || ':purchase', (s.purchase).description,
        (s.purchase).id, 'infinity', 50
      )::credits.opening
    from unnest(p_settlements) as s
    where s.purchased <> 0
  ));

  for movement in
    select (s.purchase).user_id, (s.purchase).id as transaction_id, s.cause, m.kind, m.amount, m.description, l.id as lot_id
    from unnest(p_settlements) as s
    cross join lateral (values
      ('refund', s.refunded, case when s.refunded < 0 then 'Refund of ' else 'Failed refund of ' end
        || (s.purchase).description),
      ('dispute', s.disputed, case when s.disputed < 0 then 'Dispute of ' else 'Reinstated dispute of ' end
        || (s.purchase).description)
    ) as m (kind, amount, description)
    left join credits.lots as l on l.user_id = (s.purchase).user_id and l.transaction_id = (s.purchase).id
    where m.amount <> 0
  loop
    perform credits.post_entry(
      movement.user_id, movement.kind, movement.amount, movement.cause || ':' || movement.kind, movement.description,
      credits.move_lots(movement.user_id, jsonb_build_object(movement.lot_id, trim_scale(movement.amount))),
      p_transaction_id => movement.transaction_id
    );
  end loop;

  update credits.transactions as t
  set
    payment_state = (s.purchase).payment_state,
    payment_state_at = (s.purchase).payment_state_at,
    payment_event_id = (s.purchase).payment_event_id,
    failure_code = (s.purchase).failure_code,
    failure_message = (s.purchase).failure_message,
    refunded_minor = (s.purchase).refunded_minor,
    disputed_minor = (s.purchase).disputed_minor,
    charge_refunded_minor = (s.purchase).charge_refunded_minor,
    charge_refunded_at = (s.purchase).charge_refunded_at,
    credits_purchased = (s.purchase).credits_purchased,
    credits_refunded = (s.purchase).credits_refunded,
    credits_disputed = (s.purchase).credits_disputed,
    updated_at = now()
  from unnest(p_settlements) as s
  where t.id = (s.purchase).id;
end
$$;

comment on function credits.settle(credits.settlement[]) is
'Stores the facts of purchases, no two of one user, and posts what they change, all of it to the purchase''s own lot, '
'below zero where that was spent: so neither the order of the facts nor what else the user has leaves a trace.';
create function credits.payment_intent_of(p_event jsonb)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case p_event #>> '{object,object}'
    when 'payment_intent' then p_event #>> '{object,id}' else p_event #>> '{object,payment_intent}'
  end;
end
$$;

comment on function credits.payment_intent_of(jsonb) is 'The id of the PaymentIntent that an event is about, or null.';

create function credits.lock_payment_intent(p_payment_intent_id text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(p_payment_intent_id, 0));
end
$$;

comment on function credits.lock_payment_intent(text) is
'Locks a PaymentIntent that no purchase has yet, so that whose it is stays as it is until the end of the transaction. '
'Taken before any account.';

create function credits.claimed_transaction_of(p_event jsonb)
returns uuid
language plpgsql
immutable
set search_path = ''
as $$
declare
  claimed_id constant text := p_event #>> '{object,metadata,transaction_id}';
begin
  if p_event #>> '{object,object}' = 'payment_intent'
    and claimed_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    return claimed_id::uuid;
  end if;
  return null;
end
$$;

comment on function credits.claimed_transaction_of(jsonb) is
'The purchase that the metadata of a PaymentIntent event names, or null.';

create function credits.purchases_of(p_events jsonb[])
returns table (event jsonb, purchase credits.transactions)
language plpgsql
stable
set search_path = ''
as $$
begin
  return query
  select e.event, coalesce(tied, claimed)
  from unnest(p_events) as e (event)
  left join credits.transactions as tied on tied.stripe_payment_intent_id = credits.payment_intent_of(e.event)
  left join credits.transactions as claimed
    on claimed.id = case when tied.id is null then credits.claimed_transaction_of(e.event) end;
end
$$;

comment on function credits.purchases_of(jsonb[]) is
'The purchase that each event is about: by its PaymentIntent, or by the metadata of a PaymentIntent whose id was never '
'attached because the service died right after creating it. Null where there is none.';
create function credits.lapsed_lots(p_user_id uuid)
returns table (lot_id bigint, amount numeric)
language plpgsql
stable
set search_path = ''
as $$
declare
  kept numeric := 'infinity';
  lot record;
begin
  -- What holds could still take of each: as much of it stays until they end, first of what lapsed last.
  for lot in
    select l.id, l.remaining, h.held
    from credits.lots as l
    cross join lateral (
      select coalesce(sum(o.amount), 0) as held
      from credits.holds as o
      where o.user_id = p_user_id and o.status = 'open' and o.expires_at > now() and o.created_at < l.expires_at
    ) as h
    where l.user_id = p_user_id and l.is_open and l.expires_at <= now()
    order by l.expires_at desc, l.priority desc, l.id desc
  loop
    kept := least(kept, lot.held);
    if lot.remaining > kept then
      lot_id := lot.id;
      amount := lot.remaining - kept;
      return next;
    end if;
    kept := greatest(kept - lot.remaining, 0);
  end loop;
end
$$;

comment on function credits.lapsed_lots(uuid) is
'What has lapsed of the user''s lots and is still in them. Credits that were held when they lapsed have not: they stay '
'for the holds that were made before, and for no other use. Runs with the reader''s own rights, for the views.';

create function credits.lapse(p_user_id uuid)
returns credits.funds
language plpgsql
set search_path = ''
as $$
declare
  funds credits.funds;
  lapsed record;
begin
  with expired as (
    update credits.holds
    set status = 'expired'
    where user_id = p_user_id and status = 'open' and expires_at <= now()
    returning amount
  )
  update credits.accounts
  set held = held - (select coalesce(sum(e.amount), 0) from expired as e)
  where user_id = p_user_id;

  for lapsed in
    select l.lot_id, l.amount, e.description
    from credits.lapsed_lots(p_user_id) as l
    inner join credits.ledger_entries as e on e.user_id = p_user_id and l.lot_id = e.id
    order by l.lot_id
  loop
    perform credits.post_entry(
      p_user_id, 'expiry', -lapsed.amount, 'expiry:' || lapsed.lot_id || ':' || clock_timestamp(),
      'Expiry of ' || lapsed.description,
      credits.move_lots(p_user_id, jsonb_build_object(lapsed.lot_id, trim_scale(-lapsed.amount)))
    );
  end loop;

  update credits.accounts
  set due_at = least(
    (select min(l.expires_at) from credits.lots as l where l.user_id = p_user_id and l.is_open and l.expires_at > now()),
    (select min(h.expires_at) from credits.holds as h where h.user_id = p_user_id and h.status = 'open'),
    'infinity'
  )
  where user_id = p_user_id
  returning balance, held into funds.balance, funds.held;
  return funds;
end
$$;

comment on function credits.lapse(uuid) is
'Ends the holds whose time has come and posts what lapsed of the user''s lots; gives what the account has then. The '
'account is locked.';

create function credits.free_hold(p_hold credits.holds, p_status text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  update credits.holds set status = p_status where id = p_hold.id;
  update credits.accounts as a
  set
    held = a.held - p_hold.amount,
    -- A lot that lapsed and stayed for this hold is due now.
    due_at = least(
      a.due_at, (select min(l.expires_at) from credits.lots as l where l.user_id = a.user_id and l.is_open)
    )
  where a.user_id = p_hold.user_id;
end
$$;

comment on function credits.free_hold(credits.holds, text) is
'Ends an open hold, so that its credits are no longer held. The account is locked.';

create function credits.due_of(p_user_id uuid, p_due_at timestamptz, out freed numeric, out lapsing numeric)
language plpgsql
stable
set search_path = ''
as $$
begin
  freed := 0;
  lapsing := 0;
  if p_due_at <= now() then
    freed := (
      select coalesce(sum(h.amount), 0)
      from credits.holds as h
      where h.user_id = p_user_id and h.status = 'open' and h.expires_at <= now()
    );
    lapsing := (select coalesce(sum(l.amount), 0) from credits.lapsed_lots(p_user_id) as l);
  end if;
end
$$;

comment on function credits.due_of(uuid, timestamptz) is
'What credits.lapse has yet to do for an account: the held credits that it will free and the balance that will lapse. '
'Runs with the reader''s own rights, for the views.';
create function credits.move_lots(p_user_id uuid, p_lots jsonb)
returns jsonb
language plpgsql
set search_path = ''
as $$
begin
  update credits.lots
  set remaining = remaining + (p_lots ->> id::text)::numeric
  where user_id = p_user_id and id = any(array(select k.lot_id::bigint from jsonb_object_keys(p_lots) as k (lot_id)));
  return p_lots;
end
$$;

comment on function credits.move_lots(uuid, jsonb) is
'Moves what is left of lots, {"lot id": signed credits}, and gives that back, for post_entry. The account is locked.';

create function credits.draw_from_several(p_user_id uuid, p_amount numeric, p_since timestamptz)
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  wanted numeric := p_amount;
  taken numeric;
  drawn jsonb := '{}';
  lot record;
begin
  for lot in
    select l.id, l.remaining
    from credits.lots as l
    where l.user_id = p_user_id and l.is_open and l.expires_at > p_since
    order by l.expires_at, l.priority, l.id
  loop
    taken := least(lot.remaining, wanted);
    drawn := drawn || jsonb_build_object(lot.id, trim_scale(-taken));
    wanted := wanted - taken;
    exit when wanted = 0;
  end loop;

  -- Only where a payment was taken back under an open hold: the newest lot owes the rest.
  if wanted > 0 then
    select l.id into lot from credits.lots as l where l.user_id = p_user_id order by l.id desc limit 1;
    taken := wanted - coalesce((drawn ->> lot.id::text)::numeric, 0);
    drawn := drawn || jsonb_build_object(lot.id, trim_scale(-taken));
  end if;
  return credits.move_lots(p_user_id, drawn);
end
$$;

comment on function credits.draw_from_several(uuid, numeric, timestamptz) is
'What credits.draw does where the first lot has not enough.';

create function credits.draw(p_user_id uuid, p_amount numeric, p_since timestamptz default now())
returns jsonb
language plpgsql
set search_path = ''
as $$
declare
  lot_id bigint;
  remaining numeric;
begin
  select l.id, l.remaining into lot_id, remaining
  from credits.lots as l
  where l.user_id = p_user_id and l.is_open and l.expires_at > p_since
  order by l.expires_at, l.priority, l.id
  limit 1;
  if remaining >= p_amount then
    update credits.lots as l set remaining = l.remaining - p_amount where l.user_id = p_user_id and l.id = lot_id;
    return jsonb_build_object(lot_id, trim_scale(-p_amount));
  end if;
  return credits.draw_from_several(p_user_id, p_amount, p_since);
end
$$;

comment on function credits.draw(uuid, numeric, timestamptz) is
'Takes an amount from the user''s lots and gives what it took from which, for post_entry: the soonest to expire first, '
'then by priority, then the oldest. A hold takes what has not lapsed since it was made, p_since. Lots that are used up '
'are not read again. The account is locked and up to date.';
create function credits.check_posting(
  p_amount numeric, p_idempotency_key text, p_description text, p_metadata jsonb default null
)
returns text
language plpgsql
set search_path = ''
as $$
declare
  problem constant text := case
    when (p_amount > 0 and p_amount < 1e14 and min_scale(p_amount) <= 6) is not true
      then 'amount must be above zero and below 10^14, with at most six decimals.'
    when (length(p_idempotency_key) between 1 and 255) is not true
      then 'idempotency_key is required, 1 to 255 characters.'
    when (length(trim(p_description)) > 0 and length(p_description) <= 500) is not true
      then 'A description (a grant''s reason) is required, at most 500 characters: the user sees it in the history.'
    when p_metadata is not null and (jsonb_typeof(p_metadata) <> 'object' or length(p_metadata::text) > 10000)
      then 'metadata must be an object of at most 10,000 characters.'
  end;
begin
  if problem is not null then
    perform credits.fail(400, 'invalid_argument', problem);
  end if;
  return p_idempotency_key;
end
$$;

comment on function credits.check_posting(numeric, text, text, jsonb) is
'Gives the idempotency key back; raises 400 invalid_argument unless these can be posted.';

create function credits.insufficient(p_funds credits.funds, p_amount numeric)
returns void
language plpgsql
set search_path = ''
as $$
declare
  available constant numeric := greatest(p_funds.balance - p_funds.held, 0);
begin
  perform credits.fail(
    402, 'insufficient_credits',
    format('Not enough credits: %s wanted, %s available.', credits.shown(p_amount), credits.shown(available)),
    jsonb_build_object(
      'balance', credits.shown(p_funds.balance),
      'available', credits.shown(available),
      'shortfall', credits.shown(p_amount - p_funds.balance + p_funds.held)
    )::text
  );
end
$$;

comment on function credits.insufficient(credits.funds, numeric) is
'Raises 402 insufficient_credits: the account has not that much that is not held. The hint is '
'JSON: {balance, available, shortfall}; the shortfall is what the user has to buy first, a debt included.';

create function credits.key_reused(p_what text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform credits.fail(
    409, 'idempotency_key_reused', format('This idempotency key belongs to another %s.', p_what),
    format('Use a new key for a new %s.', p_what)
  );
end
$$;

comment on function credits.key_reused(text) is
'Raises 409 idempotency_key_reused: the key was used before, with other arguments.';
create view credits.lot_movements
with (security_invoker = true) as
select
  e.user_id,
  e.id as entry_id,
  e.kind,
  e.created_at,
  e.id as lot_id,
  e.amount
from credits.ledger_entries as e
where e.lots is null
union all
select
  e.user_id,
  e.id as entry_id,
  e.kind,
  e.created_at,
  k.id::bigint as lot_id,
  (e.lots ->> k.id)::numeric as amount
from credits.ledger_entries as e
-- Not jsonb_each_text: each call of it keeps some memory until the end of the whole query.
cross join lateral jsonb_object_keys(e.lots) as k (id);

comment on view credits.lot_movements is
'Every ledger entry by the lots it moved: what an entry put into a lot, or took from it.';
create type credits.change as (event jsonb, outcome text, reason text, purchase credits.transactions);

create function credits.payment_rank(p_state text)
returns integer
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return array_position(array['pending', 'requires_action', 'processing', 'failed', 'canceled', 'succeeded'], p_state);
end
$$;

comment on function credits.payment_rank(text) is
'Orders payment states that Stripe reports for the same second. From 5 (canceled) on they are final.';

create function credits.payment_mismatch(p_event jsonb, p_purchase credits.transactions)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when p_purchase.stripe_payment_intent_id <> p_event #>> '{object,id}' then 'payment_intent'
    when p_event -> 'livemode' is distinct from to_jsonb(p_purchase.livemode) then 'livemode'
    when p_event #>> '{object,metadata,user_id}' <> p_purchase.user_id::text then 'user'
    when p_event #>> '{object,currency}' is distinct from p_purchase.currency then 'currency'
    when p_event #> '{object,amount}' is distinct from to_jsonb(p_purchase.amount_minor) then 'amount'
    when p_event ->> 'type' <> 'payment_intent.succeeded' then null
    when p_event #>> '{object,status}' is distinct from 'succeeded' then 'status'
    when p_event #> '{object,amount_received}' is distinct from to_jsonb(p_purchase.amount_minor) then 'amount_received'
  end;
end
$$;

comment on function credits.payment_mismatch(jsonb, credits.transactions) is
'Why a PaymentIntent event does not fit the purchase that it claims; null where it fits.';

create function credits.claims_a_purchase(p_intent jsonb)
returns boolean
language plpgsql
immutable
set search_path = ''
as $$
begin
  return pg_input_is_valid(coalesce(p_intent #>> '{metadata,transaction_id}', ''), 'uuid')
    and pg_input_is_valid(coalesce(p_intent #>> '{metadata,user_id}', ''), 'uuid');
end
$$;

comment on function credits.claims_a_purchase(jsonb) is
'Whether a PaymentIntent has the metadata that the service gives to its own. Other applications on the Stripe account '
'may have a transaction_id of another kind.';

create function credits.is_forgotten(p_user_id uuid)
returns boolean
language plpgsql
stable
set search_path = ''
as $$
begin
  return exists (select from credits.accounts where user_id = p_user_id and auth_user_id is null);
end
$$;

comment on function credits.is_forgotten(uuid) is
'Whether forget_user was called for this user: nothing personal is stored then.';

create function credits.apply_payment(p_event jsonb, p_purchase credits.transactions)
returns credits.change
language plpgsql
set search_path = ''
as $$
declare
  intent jsonb := p_event -> 'object';
  mismatch text := credits.payment_mismatch(p_event, p_purchase);
  happened_at timestamptz := to_timestamp((p_event ->> 'created')::bigint);
  state text := case p_event ->> 'type'
    when 'payment_intent.created' then 'pending'
    when 'payment_intent.requires_action' then 'requires_action'
    when 'payment_intent.processing' then 'processing'
    when 'payment_intent.payment_failed' then 'failed'
    when 'payment_intent.canceled' then 'canceled'
    when 'payment_intent.succeeded' then 'succeeded'
  end;
  rank integer := credits.payment_rank(state);
  known_rank integer := credits.payment_rank(p_purchase.payment_state);
begin
  if p_purchase.id is null and not credits.claims_a_purchase(intent) then
    return row(p_event, 'ignored', 'not_ours', null)::credits.change;
  elsif p_purchase.id is null then
    return row(p_event, 'mismatch', 'unknown_transaction', null)::credits.change;
  elsif mismatch is not null then
    return row(p_event, 'mismatch', mismatch, p_purchase)::credits.change;
  end if;

  -- A final state beats any other; then the newer event; within one second the further state.
  if (greatest(rank, 4), happened_at, rank, (p_event ->> 'id') collate "C")
    > (greatest(known_rank, 4), p_purchase.payment_state_at, known_rank, p_purchase.payment_event_id collate "C")
  then
    p_purchase.payment_state := state;
    p_purchase.payment_state_at := happened_at;
    p_purchase.payment_event_id := p_event ->> 'id';
    p_purchase.failure_code := case state
      when 'failed' then coalesce(intent #>> '{last_payment_error,decline_code}', intent #>> '{last_payment_error,code}')
      when 'canceled' then intent ->> 'cancellation_reason'
    end;
    p_purchase.failure_message := case
      when state = 'failed' and not credits.is_forgotten(p_purchase.user_id) then intent #>> '{last_payment_error,message}'
    end;
  end if;
  return row(p_event, 'applied', null, p_purchase)::credits.change;
end
$$;

comment on function credits.apply_payment(jsonb, credits.transactions) is
'Takes over what a PaymentIntent event says of its purchase, if it is newer than what is known.';
create function credits.reversal_mismatch(p_event jsonb, p_purchase credits.transactions, p_amount jsonb)
returns text
language plpgsql
immutable
set search_path = ''
as $$
begin
  return case
    when p_event -> 'livemode' is distinct from to_jsonb(p_purchase.livemode) then 'livemode'
    when p_event #>> '{object,currency}' is distinct from p_purchase.currency then 'currency'
    when jsonb_typeof(p_amount) is distinct from 'number' or p_amount::numeric <= 0 then 'amount'
  end;
end
$$;

comment on function credits.reversal_mismatch(jsonb, credits.transactions, jsonb) is
'Why a refund or dispute event does not fit the purchase of its PaymentIntent; null where it fits.';

create function credits.refund_rank(p_status text)
returns integer
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return array_position(array['pending', 'requires_action', 'succeeded', 'canceled', 'failed'], p_status);
end
$$;

comment on function credits.refund_rank(text) is
'A refund only moves up this order, whatever order its events come in.';

create function credits.refunded_minor(p_purchase credits.transactions)
returns bigint
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select least(
      p_purchase.amount_minor,
      greatest(
        coalesce(sum(r.amount_minor) filter (where r.status not in ('failed', 'canceled')), 0),
        p_purchase.charge_refunded_minor - coalesce(sum(r.amount_minor) filter (
          where r.status in ('failed', 'canceled') and r.status_at >= p_purchase.charge_refunded_at
        ), 0)
      )
    )::bigint
    from credits.refunds as r
    where r.user_id = p_purchase.user_id and r.transaction_id = p_purchase.id
  );
end
$$;

comment on function credits.refunded_minor(credits.transactions) is
'What refunds have taken back of a purchase. A refund counts from its creation, as Stripe takes the money then, until '
'it fails or is canceled. The charge''s own cumulative amount counts where it tells more, less what has failed since.';

create function credits.apply_refund(p_event jsonb, p_purchase credits.transactions)
returns credits.change
language plpgsql
set search_path = ''
as $$
declare
  refund jsonb := p_event -> 'object';
  new_status text := coalesce(refund ->> 'status', 'pending');
  mismatch text;
begin
  if p_purchase.id is null then
    return row(p_event, 'ignored', 'not_ours', null)::credits.change;
  end if;
  mismatch := credits.reversal_mismatch(p_event, p_purchase, refund -> 'amount');
  if mismatch is null and credits.refund_rank(new_status) is null then
    mismatch := 'status';
  end if;
  if mismatch is not null then
    return row(p_event, 'mismatch', mismatch, p_purchase)::credits.change;
  end if;

  insert into credits.refunds as known (
    id, user_id, transaction_id, amount_minor, status, status_at, reason, failure_reason, created_at
  )
  values (
    refund ->> 'id', p_purchase.user_id, p_purchase.id, (refund ->> 'amount')::bigint, new_status,
    to_timestamp((p_event ->> 'created')::bigint), refund ->> 'reason', refund ->> 'failure_reason',
    to_timestamp(coalesce(refund ->> 'created', p_event ->> 'created')::bigint)
  )
  on conflict (id) do update set
    status = excluded.status,
    status_at = case known.status
      when excluded.status then least(known.status_at, excluded.status_at) else excluded.status_at
    end,
    failure_reason = coalesce(excluded.failure_reason, known.failure_reason)
  where credits.refund_rank(excluded.status) >= credits.refund_rank(known.status);

  p_purchase.refunded_minor := credits.refunded_minor(p_purchase);
  return row(p_event, 'applied', null, p_purchase)::credits.change;
end
$$;

comment on function credits.apply_refund(jsonb, credits.transactions) is
'Moves one refund forward to the state that an event tells, and counts what refunds have taken back of its purchase.';

create function credits.apply_charge_refunded(p_event jsonb, p_purchase credits.transactions)
returns credits.change
language plpgsql
set search_path = ''
as $$
declare
  charge jsonb := p_event -> 'object';
  happened_at timestamptz := to_timestamp((p_event ->> 'created')::bigint);
  mismatch text;
begin
  if p_purchase.id is null then
    return row(p_event, 'ignored', 'not_ours', null)::credits.change;
  end if;
  mismatch := credits.reversal_mismatch(p_event, p_purchase, charge -> 'amount_refunded');
  if mismatch is not null then
    return row(p_event, 'mismatch', mismatch, p_purchase)::credits.change;
  end if;

  if (happened_at, (charge ->> 'amount_refunded')::bigint)
    > (p_purchase.charge_refunded_at, p_purchase.charge_refunded_minor)
  then
    p_purchase.charge_refunded_at := happened_at;
    p_purchase.charge_refunded_minor := (charge ->> 'amount_refunded')::bigint;
  end if;
  p_purchase.refunded_minor := credits.refunded_minor(p_purchase);
  return row(p_event, 'applied', null, p_purchase)::credits.change;
end
$$;

comment on function credits.apply_charge_refunded(jsonb, credits.transactions) is
'Takes over the cumulative refund of a charge: the safety net where refund events do not come.';
create function credits.funds_rank(p_funds text)
returns integer
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return array_position(array['untouched', 'withdrawn', 'reinstated'], p_funds);
end
$$;

comment on function credits.funds_rank(text) is
'A dispute''s money only moves up this order, whatever order its events come in.';

create function credits.disputed_minor(p_purchase credits.transactions)
returns bigint
language plpgsql
stable
set search_path = ''
as $$
begin
  return (
    select least(p_purchase.amount_minor, coalesce(sum(d.amount_minor), 0))::bigint
    from credits.disputes as d
    where d.user_id = p_purchase.user_id and d.transaction_id = p_purchase.id and d.funds = 'withdrawn'
  );
end
$$;

comment on function credits.disputed_minor(credits.transactions) is
'What disputes have taken back of a purchase: from the withdrawal of the money until it is reinstated.';

create function credits.apply_dispute(p_event jsonb, p_purchase credits.transactions)
returns credits.change
language plpgsql
set search_path = ''
as $$
declare
  dispute jsonb := p_event -> 'object';
  happened_at timestamptz := to_timestamp((p_event ->> 'created')::bigint);
  told_funds text := case
    when p_event ->> 'type' = 'charge.dispute.funds_reinstated' then 'reinstated'
    when p_event ->> 'type' = 'charge.dispute.funds_withdrawn' then 'withdrawn'
    when dispute ->> 'status' = 'won' then 'reinstated'
    when dispute ->> 'status' = 'lost' then 'withdrawn'
    else 'untouched'
  end;
  known credits.disputes;
  mismatch text;
begin
  if p_purchase.id is null then
    return row(p_event, 'ignored', 'not_ours', null)::credits.change;
  end if;
  mismatch := credits.reversal_mismatch(p_event, p_purchase, dispute -> 'amount');
  if mismatch is null and dispute ->> 'status' is null then
    mismatch := 'status';
  end if;
  if mismatch is not null then
    return row(p_event, 'mismatch', mismatch, p_purchase)::credits.change;
  end if;

  insert into credits.disputes (id, user_id, transaction_id, amount_minor, status, status_at, reason, created_at)
  values (
    dispute ->> 'id', p_purchase.user_id, p_purchase.id, (dispute ->> 'amount')::bigint, dispute ->> 'status',
    '-infinity', dispute ->> 'reason', to_timestamp(coalesce(dispute ->> 'created', p_event ->> 'created')::bigint)
  )
  on conflict (id) do nothing;
  select d.* into strict known from credits.disputes as d where d.id = dispute ->> 'id';

  if credits.funds_rank(told_funds) > credits.funds_rank(known.funds) then
    known.funds := told_funds;
  end if;
  if (happened_at, dispute ->> 'status' collate "C", (dispute ->> 'amount')::bigint)
    > (known.status_at, known.status collate "C", known.amount_minor)
  then
    known.status_at := happened_at;
    known.status := dispute ->> 'status';
    known.amount_minor := (dispute ->> 'amount')::bigint;
  end if;
  update credits.disputes as d
  set funds = known.funds, status = known.status, status_at = known.status_at, amount_minor = known.amount_minor
  where d.id = known.id;

  p_purchase.disputed_minor := credits.disputed_minor(p_purchase);
  return row(p_event, 'applied', null, p_purchase)::credits.change;
end
$$;

comment on function credits.apply_dispute(jsonb, credits.transactions) is
'Takes over what an event tells of a dispute, its money only forward. An inquiry moves none.';
create function credits.apply_event(p_event jsonb, p_purchase credits.transactions)
returns credits.change
language plpgsql
set search_path = ''
as $$
declare
  event_type constant text := p_event ->> 'type';
begin
  if p_event ? 'malformed' or jsonb_typeof(p_event -> 'created') is distinct from 'number' then
    return row(p_event, 'mismatch', 'malformed', null)::credits.change;
  elsif event_type in (
    'payment_intent.created', 'payment_intent.requires_action', 'payment_intent.processing',
    'payment_intent.payment_failed', 'payment_intent.canceled', 'payment_intent.succeeded'
  ) then
    return credits.apply_payment(p_event, p_purchase);
  elsif event_type in ('refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated') then
    return credits.apply_refund(p_event, p_purchase);
  elsif event_type = 'charge.refunded' then
    return credits.apply_charge_refunded(p_event, p_purchase);
  elsif event_type in (
    'charge.dispute.created', 'charge.dispute.updated', 'charge.dispute.closed',
    'charge.dispute.funds_withdrawn', 'charge.dispute.funds_reinstated'
  ) then
    return credits.apply_dispute(p_event, p_purchase);
  end if;
  return row(p_event, 'ignored', 'type', null)::credits.change;
end
$$;

comment on function credits.apply_event(jsonb, credits.transactions) is
'Gives an event to the function that knows its type. No other type is of concern. What it gives back is the purchase '
'with the facts as they are now, for credits.settle to store.';
create function credits.without_person(p_event jsonb)
returns jsonb
language plpgsql
immutable
set search_path = ''
as $$
begin
  return p_event #- '{object,last_payment_error,message}' #- '{object,customer}' #- '{object,metadata}';
end
$$;

comment on function credits.without_person(jsonb) is 'An event without what leads to a person.';

create function credits.store_events(p_changes credits.change[], p_again boolean)
returns text[]
language plpgsql
set search_path = ''
as $$
declare
  stored text[];
begin
  with event as (
    insert into credits.stripe_events as known (
      id, type, livemode, api_version, created_at, outcome, reason, user_id, transaction_id, payload
    )
    select
      c.event ->> 'id', c.event ->> 'type',
      case jsonb_typeof(c.event -> 'livemode') when 'boolean' then (c.event ->> 'livemode')::boolean end,
      c.event ->> 'api_version',
      case
        when c.event @? '$.created ? (@ >= 0 && @ < 10000000000)' then to_timestamp((c.event ->> 'created')::numeric)
      end,
      c.outcome, c.reason, (c.purchase).user_id, (c.purchase).id,
      case
        when (select a.auth_user_id is null from credits.accounts as a where a.user_id = (c.purchase).user_id)
          then credits.without_person(c.event)
        else c.event
      end
    from unnest(p_changes) as c
    order by c.event ->> 'id'
    on conflict (id) do update set
      outcome = excluded.outcome,
      reason = excluded.reason,
      user_id = excluded.user_id,
      transaction_id = excluded.transaction_id,
      attempts = known.attempts + 1
    where known.outcome = 'failed' or p_again
    returning id
  )

  select array_agg(e.id) into stored
  from event as e;
  return stored;
end
$$;

comment on function credits.store_events(credits.change[], boolean) is
'Stores events with what became of them, and gives the ids of those that were not stored before.';

create type credits.verdict as (event_id text, outcome text, reason text, transaction_id uuid);

create function credits.receive_events(p_events jsonb[], p_again boolean default false)
returns credits.verdict[]
language plpgsql
set search_path = ''
set enable_seqscan = off -- these four as for open_lots: planned once, by the keys
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  incoming record;
  purchase credits.transactions;
  change credits.change;
  changes credits.change[];
  settlements credits.settlement[];
  stored text[];
  event jsonb;
  verdicts credits.verdict[];
begin
  begin
    for incoming in
      select p.event, p.purchase
      from credits.purchases_of(p_events) as p
      where p_again or not exists (
        select from credits.stripe_events as k where k.id = p.event ->> 'id' and k.outcome <> 'failed'
      )
    loop
      purchase := incoming.purchase;
      change := credits.apply_event(incoming.event, purchase);
      changes := changes || change;
      if change.outcome = 'applied' then
        settlements := settlements || credits.settlement_of(change.purchase, incoming.event ->> 'id');
      end if;
    end loop;
    if settlements is not null then
      perform credits.settle(settlements);
    end if;
    if changes is not null then
      stored := credits.store_events(changes, p_again);
    end if;
    perform credits.tie_payment_intent((c.purchase).id, credits.payment_intent_of(c.event))
    from unnest(changes) as c
    where c.outcome = 'applied' and (c.purchase).stripe_payment_intent_id is null;
  exception when others then
    if cardinality(p_events) > 1 then
      foreach event in array p_events loop
        verdicts := verdicts || credits.receive_events(array[event], p_again);
      end loop;
      return verdicts;
    end if;
    changes := array[row(p_events[1], 'failed', sqlstate || ' ' || sqlerrm, null)::credits.change];
    stored := credits.store_events(changes, p_again);
  end;

  return array(
    select row(e.event ->> 'id', coalesce(c.outcome, 'duplicate'), c.reason, (c.purchase).id)::credits.verdict
    from unnest(p_events) as e (event)
    left join unnest(changes) as c on c.event ->> 'id' = e.event ->> 'id' and c.event ->> 'id' = any(stored)
  );
end
$$;

comment on function credits.receive_events(jsonb[], boolean) is
'Applies events, no two of one user, together in one subtransaction, and stores them with what became of them. If '
'something fails, each alone, so that only what is to blame does. Facts are monotone, so an event that two calls apply '
'at once changes nothing the second time. p_again takes events again that were ignored. The accounts are locked.';
create function credits.tie_payment_intent(p_transaction_id uuid, p_payment_intent_id text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  event jsonb;
  verdicts credits.verdict[];
begin
  update credits.transactions
  set stripe_payment_intent_id = p_payment_intent_id
  where id = p_transaction_id and stripe_payment_intent_id is null;
  if not found then
    return;
  end if;

  for event in
    select e.payload
    from credits.stripe_events as e
    where e.outcome = 'ignored' and e.reason = 'not_ours'
      and e.payload #>> '{object,payment_intent}' = p_payment_intent_id
    order by e.id
  loop
    verdicts := credits.receive_events(array[event], true);
    -- Stripe had its 200 for this one and does not send it again: what makes it ours has to come again instead.
    if verdicts[1].outcome = 'failed' then
      raise exception 'event % cannot be taken up: %', event ->> 'id', verdicts[1].reason;
    end if;
  end loop;
end
$$;

comment on function credits.tie_payment_intent(uuid, text) is
'Gives a purchase its PaymentIntent, unless it has one, and takes the refunds and disputes again that came before '
'anybody could tell whose PaymentIntent they are about. The caller has locked the PaymentIntent and the account.';
create function public.open_credit_purchase(
  user_id uuid,
  package_id uuid,
  livemode boolean,
  idempotency_key text default null,
  payment_method_id text default null,
  out transaction_id uuid,
  out amount_minor bigint,
  out currency text,
  out credits numeric,
  out description text,
  out stripe_customer_id text,
  out stripe_payment_intent_id text,
  out status text,
  out created boolean
)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set plan_cache_mode = force_generic_plan -- all goes by keys; planning anew takes longer than running it
as $$
#variable_conflict use_column
declare
  settings credits.settings;
  package credits.packages;
  purchase credits.transactions;
begin
  if num_nulls(open_credit_purchase.user_id, open_credit_purchase.package_id, open_credit_purchase.livemode) > 0 then
    perform credits.fail(400, 'invalid_argument', 'user_id, package_id and livemode are required.');
  elsif length(open_credit_purchase.idempotency_key) not between 1 and 255 then
    perform credits.fail(400, 'invalid_argument', 'idempotency_key takes 1 to 255 characters.');
  end if;
  perform credits.lock_account(open_credit_purchase.user_id);

  select t.* into purchase
  from credits.transactions as t
  where t.user_id = open_credit_purchase.user_id and t.idempotency_key = open_credit_purchase.idempotency_key;
  created := not found;

  if not created and (
    (purchase.package_id, purchase.livemode) is distinct from (open_credit_purchase.package_id, open_credit_purchase.livemode)
    or purchase.stripe_payment_method_id is distinct from open_credit_purchase.payment_method_id
  ) then
    perform credits.fail(
      409, 'idempotency_key_reused', 'This idempotency key has opened another purchase.', 'Use a new key for a new purchase.'
    );
  end if;

  if created then
    select s.* into settings from credits.settings as s;
    if settings.max_open_purchases <= (
      select count(*)
      from credits.transactions as t
      where t.user_id = open_credit_purchase.user_id
        and t.payment_state not in ('succeeded', 'processing')
        and t.created_at > now() - settings.open_purchase_window
    ) then
      perform credits.fail(
        429, 'too_many_open_purchases', 'Too many unpaid purchases.', 'Pay one that is open, or wait.'
      );
    end if;

    if settings.refuse_disputing_users and exists (
      select
      from credits.disputes as d
      where d.user_id = open_credit_purchase.user_id
        and d.status not in ('won', 'lost', 'warning_closed', 'prevented')
    ) then
      perform credits.fail(403, 'dispute_open', 'A payment of yours is disputed. You can buy again when that is settled.');
    end if;

    select p.* into package
    from credits.packages as p
    where p.id = open_credit_purchase.package_id and p.is_active;
    if not found then
      perform credits.fail(404, 'package_not_found', 'There is no such package on sale.');
    end if;

    insert into credits.transactions as t (
      user_id, package_id, description, amount_minor, currency, credits, livemode,
      idempotency_key, stripe_payment_method_id
    )
    values (
      open_credit_purchase.user_id, package.id, package.name || ' purchase', package.amount_minor, package.currency,
      package.credits, open_credit_purchase.livemode,
      open_credit_purchase.idempotency_key, open_credit_purchase.payment_method_id
    )
    returning t.* into purchase;
  end if;

  transaction_id := purchase.id;
  amount_minor := purchase.amount_minor;
  currency := purchase.currency;
  credits := purchase.credits;
  description := purchase.description;
  stripe_payment_intent_id := purchase.stripe_payment_intent_id;
  status := purchase.status;
  stripe_customer_id := (
    select c.stripe_customer_id
    from credits.stripe_customers as c
    where c.user_id = open_credit_purchase.user_id and c.livemode = open_credit_purchase.livemode
  );
end
$$;

comment on function public.open_credit_purchase(uuid, uuid, boolean, text, text) is
'Opens the purchase of a package at the price and credits that the package has now. The same idempotency_key and '
'arguments give the same purchase again (created is false). Errors: 400 invalid_argument, 403 user_not_found or '
'dispute_open, 404 package_not_found, 409 idempotency_key_reused, 429 too_many_open_purchases.';
create function public.attach_payment_intent(
  transaction_id uuid,
  payment_intent_id text,
  out stripe_payment_intent_id text,
  out status text
)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set plan_cache_mode = force_generic_plan -- all goes by keys; planning anew takes longer than running it
as $$
#variable_conflict use_column
begin
  if attach_payment_intent.payment_intent_id is null or attach_payment_intent.payment_intent_id !~ '^pi_[A-Za-z0-9_]+$' then
    perform credits.fail(400, 'invalid_argument', 'payment_intent_id must be the id of a PaymentIntent, pi_….');
  end if;

  perform credits.lock_payment_intent(attach_payment_intent.payment_intent_id);
  perform
  from credits.accounts as a
  where a.user_id = (select t.user_id from credits.transactions as t where t.id = attach_payment_intent.transaction_id)
  for no key update;

  perform credits.tie_payment_intent(attach_payment_intent.transaction_id, attach_payment_intent.payment_intent_id);

  select t.stripe_payment_intent_id, t.status
  into attach_payment_intent.stripe_payment_intent_id, attach_payment_intent.status
  from credits.transactions as t
  where t.id = attach_payment_intent.transaction_id;
  if not found then
    perform credits.fail(404, 'transaction_not_found', 'There is no such purchase.');
  elsif attach_payment_intent.stripe_payment_intent_id <> attach_payment_intent.payment_intent_id then
    perform credits.fail(409, 'payment_intent_conflict', 'The purchase has another PaymentIntent.');
  end if;
exception when unique_violation then
  perform credits.fail(409, 'payment_intent_conflict', 'The PaymentIntent belongs to another purchase.');
end
$$;

comment on function public.attach_payment_intent(uuid, text) is
'Ties a purchase to its PaymentIntent, once; again with the same id changes nothing. Errors: 400 invalid_argument, '
'404 transaction_not_found, 409 payment_intent_conflict.';
create function public.save_stripe_customer(
  user_id uuid,
  livemode boolean,
  customer_id text,
  replaces text default null,
  out stripe_customer_id text
)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set plan_cache_mode = force_generic_plan -- all goes by keys; planning anew takes longer than running it
as $$
#variable_conflict use_column
begin
  if save_stripe_customer.livemode is null or save_stripe_customer.customer_id is null
    or save_stripe_customer.customer_id !~ '^cus_[A-Za-z0-9_]+$' then
    perform credits.fail(400, 'invalid_argument', 'livemode is required and customer_id must be cus_….');
  end if;
  perform credits.lock_account(save_stripe_customer.user_id);

  insert into credits.stripe_customers as c (user_id, livemode, stripe_customer_id)
  values (save_stripe_customer.user_id, save_stripe_customer.livemode, save_stripe_customer.customer_id)
  on conflict (user_id, livemode) do update
  set stripe_customer_id = excluded.stripe_customer_id
  where c.stripe_customer_id = save_stripe_customer.replaces;

  select c.stripe_customer_id into save_stripe_customer.stripe_customer_id
  from credits.stripe_customers as c
  where c.user_id = save_stripe_customer.user_id and c.livemode = save_stripe_customer.livemode;
exception when unique_violation then
  perform credits.fail(409, 'customer_conflict', 'The customer belongs to another user.');
end
$$;

comment on function public.save_stripe_customer(uuid, boolean, text, text) is
'Keeps the Stripe customer of a user and gives the one that counts: the first saved, unless `replaces` names it (a '
'customer that was deleted at Stripe). Errors: 400 invalid_argument, 403 user_not_found, 409 customer_conflict.';
create function public.grant_credits(
  user_id uuid,
  amount numeric,
  reason text,
  idempotency_key text,
  expires_at timestamptz default null,
  priority integer default 50,
  out entry_id bigint,
  out balance numeric,
  out created boolean
)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set plan_cache_mode = force_generic_plan -- all goes by keys; planning anew takes longer than running it
as $$
#variable_conflict use_column
declare
  entry_key constant text := 'grant:' || grant_credits.idempotency_key;
  expiry constant timestamptz := coalesce(grant_credits.expires_at, 'infinity');
  entry credits.ledger_entries;
  posted credits.posted;
begin
  perform credits.check_posting(grant_credits.amount, grant_credits.idempotency_key, grant_credits.reason);
  if grant_credits.priority is null or grant_credits.priority not between 0 and 100 then
    perform credits.fail(400, 'invalid_argument', 'priority must be between 0, spent first, and 100.');
  end if;
  perform credits.lock_account(grant_credits.user_id);

  select e.* into entry
  from credits.ledger_entries as e
  where e.user_id = grant_credits.user_id and e.key = entry_key;
  created := not found;
  if created then
    if expiry <= now() then
      perform credits.fail(400, 'invalid_argument', 'expires_at must be in the future.');
    end if;
    select p.* into posted
    from credits.open_lots(array[
      row(
        grant_credits.user_id, 'grant', grant_credits.amount, entry_key, grant_credits.reason, null, expiry,
        grant_credits.priority
      )::credits.opening
    ]) as p;
    update credits.accounts as a
    set due_at = expiry
    where a.user_id = grant_credits.user_id and a.due_at > expiry;
  elsif not exists (
    select
    from credits.lots as l
    where l.user_id = entry.user_id and l.id = entry.id
      and (entry.amount, entry.description, l.expires_at, l.priority)
      = (grant_credits.amount, grant_credits.reason, expiry, grant_credits.priority)
  ) then
    perform credits.key_reused('grant');
  end if;
  entry_id := coalesce(posted.entry_id, entry.id);
  balance := credits.shown(coalesce(posted.balance, entry.balance_after));
exception when numeric_value_out_of_range then
  perform credits.fail(400, 'invalid_argument', 'The balance would be larger than a balance can be.');
end
$$;

comment on function public.grant_credits(uuid, numeric, text, text, timestamptz, integer) is
'Gives a user credits without a payment: a promotion, support, a balance brought from another system. They can expire, '
'and a lower priority (0 to 100) is spent before a higher one. The same idempotency_key and arguments give the same '
'answer again (created is false). Errors: 400 invalid_argument, 403 user_not_found, 409 idempotency_key_reused.';
create function public.record_stripe_events(events jsonb)
returns jsonb
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set enable_seqscan = off -- these four as for open_lots: planned once, by the keys
set enable_hashjoin = off
set enable_mergejoin = off
set plan_cache_mode = force_generic_plan
as $$
declare
  received jsonb[];
  payment_intent_id text;
  turn record;
  verdicts credits.verdict[];
begin
  if jsonb_typeof(record_stripe_events.events) is distinct from 'array' or exists (
    select
    from jsonb_array_elements(record_stripe_events.events) as e (event)
    where jsonb_typeof(e.event -> 'id') is distinct from 'string'
      or jsonb_typeof(e.event -> 'type') is distinct from 'string'
  ) then
    perform credits.fail(400, 'invalid_argument', 'events must be an array of events, each with an id and a type.');
  end if;

  received := array(
    select distinct on (e.event ->> 'id') e.event
    from jsonb_array_elements(record_stripe_events.events) with ordinality as e (event, position)
    order by e.event ->> 'id', e.position
  );

  -- First the PaymentIntents that no purchase has yet, then the accounts, then the events, each in one order: two calls
  -- never wait for each other in a circle.
  for payment_intent_id in
    select distinct i.id
    from (select credits.payment_intent_of(e.event) as id from unnest(received) as e (event)) as i
    where not exists (select from credits.transactions as t where t.stripe_payment_intent_id = i.id)
    order by i.id
  loop
    perform credits.lock_payment_intent(payment_intent_id);
  end loop;

  -- A user's events take turns, so that each finds what the one before it left. The first turn has all users.
  for turn in
    select array_agg(e.event order by e.id) as events, array_agg(e.user_id) as user_ids
    from (
      select
        p.event, p.event ->> 'id' as id, (p.purchase).user_id as user_id,
        row_number() over (
          partition by coalesce((p.purchase).user_id::text, p.event ->> 'id') order by p.event ->> 'id'
        ) as number
      from credits.purchases_of(received) as p
    ) as e
    group by e.number
    order by e.number
  loop
    perform from credits.accounts as a where a.user_id = any(turn.user_ids) order by a.user_id for no key update;
    verdicts := verdicts || credits.receive_events(turn.events);
  end loop;

  return (
    select coalesce(
      jsonb_agg(
        jsonb_build_object(
          'id', v.event_id, 'outcome', v.outcome, 'reason', v.reason, 'transaction_id', v.transaction_id
        ) order by e.position
      ), '[]'
    )
    from jsonb_array_elements(record_stripe_events.events) with ordinality as e (event, position)
    inner join unnest(verdicts) as v on e.event ->> 'id' = v.event_id
  );
end
$$;

comment on function public.record_stripe_events(jsonb) is
'Records events of Stripe, an array of {id, type, created, livemode, api_version, object}, and gives for each, in the '
'same order, {id, outcome, reason, transaction_id}: applied, duplicate, ignored, mismatch, or failed. A failed event '
'did not commit while the others did: answer Stripe 5xx for it and it comes again. Errors: 400 invalid_argument.';
create function public.forget_user(user_id uuid)
returns void
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
as $$
#variable_conflict use_column
begin
  perform from credits.accounts as a where a.user_id = forget_user.user_id for no key update;
  if not found then
    perform credits.fail(404, 'account_not_found', 'This user has no account.');
  end if;

  delete from credits.stripe_customers as c where c.user_id = forget_user.user_id;
  update credits.transactions as t
  set failure_message = null, stripe_payment_method_id = null
  where t.user_id = forget_user.user_id;
  perform credits.free_hold(h, 'released')
  from credits.holds as h
  where h.user_id = forget_user.user_id and h.status = 'open';
  update credits.holds as h set metadata = null where h.user_id = forget_user.user_id;
  update credits.stripe_events as e
  set payload = credits.without_person(e.payload)
  where e.user_id = forget_user.user_id;
  update credits.accounts as a set auth_user_id = null where a.user_id = forget_user.user_id;
end
$$;

comment on function public.forget_user(uuid) is
'Erases what is personal of a user and cuts the link to auth.users, so that the user can be deleted there. Purchases '
'and ledger stay, under an id that leads to nobody; refunds and disputes still settle; open holds are released. The '
'description and metadata of a ledger entry cannot be erased: put nothing personal there. Delete the customer at '
'Stripe as well. Again changes nothing. Errors: 404 account_not_found.';
create function public.audit_credits()
returns table (finding text, user_id uuid, subject text, detail text)
language sql
stable
security definer -- service_role alone may execute it; it reads tables that service_role cannot
set search_path = ''
set statement_timeout = '10min'
as $$
  select 'balance_is_not_the_sum_of_entries', a.user_id, a.user_id::text,
    format('balance %s, entries %s', a.balance, coalesce(sum(e.amount), 0))
  from credits.accounts as a
  left join credits.ledger_entries as e on a.user_id = e.user_id
  group by a.user_id
  having a.balance <> coalesce(sum(e.amount), 0)

  union all
  select 'balance_after_does_not_chain', c.user_id, c.id::text,
    format('%s + %s is not %s', c.balance_before, c.amount, c.balance_after)
  from (
    select e.*, lag(e.balance_after, 1, 0) over (partition by e.user_id order by e.id) as balance_before
    from credits.ledger_entries as e
  ) as c
  where c.balance_before + c.amount <> c.balance_after

  union all
  select 'entries_are_not_what_was_settled', t.user_id, t.id::text,
    format('entries %s %s %s, settled %s %s %s', p.purchased, p.refunded, p.disputed,
      t.credits_purchased, t.credits_refunded, t.credits_disputed)
  from credits.transactions as t
  cross join lateral (
    select
      coalesce(sum(e.amount) filter (where e.kind = 'purchase'), 0) as purchased,
      coalesce(-sum(e.amount) filter (where e.kind = 'refund'), 0) as refunded,
      coalesce(-sum(e.amount) filter (where e.kind = 'dispute'), 0) as disputed
    from credits.ledger_entries as e
    where e.user_id = t.user_id and e.transaction_id = t.id
  ) as p
  where (p.purchased, p.refunded, p.disputed) <> (t.credits_purchased, t.credits_refunded, t.credits_disputed)

  union all
  select 'settled_is_not_the_entitlement', t.user_id, t.id::text,
    format('settled %s %s %s, entitled to %s', t.credits_purchased, t.credits_refunded, t.credits_disputed, g)
  from credits.transactions as t
  cross join lateral credits.entitlement_of(t) as g
  where (t.credits_purchased, t.credits_refunded, t.credits_disputed) <> (g.purchased, g.refunded, g.disputed)

  union all
  select 'facts_are_not_summed_up', t.user_id, t.id::text,
    format('refunded %s of %s, disputed %s of %s',
      t.refunded_minor, credits.refunded_minor(t), t.disputed_minor, credits.disputed_minor(t))
  from credits.transactions as t
  where (t.refunded_minor, t.disputed_minor) <> (credits.refunded_minor(t), credits.disputed_minor(t))

  union all
  select 'lot_is_not_what_its_entries_left', l.user_id, l.id::text,
    format('remaining %s, entries %s', l.remaining, coalesce(m.amount, 0))
  from credits.lots as l
  left join (
    select m.user_id, m.lot_id, sum(m.amount) as amount
    from credits.lot_movements as m
    group by m.user_id, m.lot_id
  ) as m on l.user_id = m.user_id and l.id = m.lot_id
  where l.remaining <> coalesce(m.amount, 0)

  union all
  select 'entry_is_not_the_sum_of_its_lots', e.user_id, e.id::text, format('amount %s, lots %s', e.amount, e.lots)
  from credits.ledger_entries as e
  where e.lots is not null
    and e.amount <> (select coalesce(sum((e.lots ->> k.id)::numeric), 0) from jsonb_object_keys(e.lots) as k (id))

  union all
  select 'spend_refunded_beyond_itself', s.user_id, s.id::text,
    format('spent %s, refunded %s', -s.amount, sum(r.amount))
  from credits.ledger_entries as r
  inner join credits.ledger_entries as s on r.user_id = s.user_id and r.spend_id = s.id
  group by s.user_id, s.id, s.amount
  having sum(r.amount) > -s.amount

  union all
  select 'held_is_not_the_sum_of_open_holds', a.user_id, a.user_id::text,
    format('held %s, holds %s', a.held, coalesce(sum(h.amount), 0))
  from credits.accounts as a
  left join credits.holds as h on a.user_id = h.user_id and h.status = 'open'
  group by a.user_id
  having a.held <> coalesce(sum(h.amount), 0)

  union all
  select 'expiry_comes_before_it_is_due', a.user_id, a.user_id::text,
    format('due at %s, not at %s', a.due_at, x.expires_at)
  from credits.accounts as a
  inner join (
    select h.user_id, h.expires_at from credits.holds as h where h.status = 'open'
    union all
    select l.user_id, l.expires_at from credits.lots as l where l.is_open and l.expires_at > now()
  ) as x on a.user_id = x.user_id
  where x.expires_at < a.due_at

  union all
  select 'captured_hold_without_its_spend', h.user_id, h.id::text, h.description
  from credits.holds as h
  where h.status = 'captured'
    and not exists (
      select from credits.ledger_entries as e where e.user_id = h.user_id and e.key = 'capture:' || h.id
    )

  union all
  select 'row_without_its_owner', o.user_id, o.subject, o.detail
  from (
    select t.user_id, t.id::text as subject, 'purchase of no account' as detail
    from credits.transactions as t
    where not exists (select from credits.accounts as a where a.user_id = t.user_id)
    union all
    select e.user_id, e.id::text, 'entry of no account'
    from credits.ledger_entries as e
    where not exists (select from credits.accounts as a where a.user_id = e.user_id)
    union all
    select m.user_id, m.entry_id::text, 'entry that moves no lot'
    from credits.lot_movements as m
    inner join credits.accounts as a on m.user_id = a.user_id
    where not exists (select from credits.lots as l where l.user_id = m.user_id and l.id = m.lot_id)
    union all
    select c.user_id, c.id, c.detail
    from (
      select e.user_id, e.transaction_id, e.id::text as id, 'entry of no purchase' as detail
      from credits.ledger_entries as e where e.transaction_id is not null
      union all
      select r.user_id, r.transaction_id, r.id, 'refund of no purchase' from credits.refunds as r
      union all
      select d.user_id, d.transaction_id, d.id, 'dispute of no purchase' from credits.disputes as d
    ) as c
    where not exists (
      select from credits.transactions as t where t.user_id = c.user_id and t.id = c.transaction_id
    )
  ) as o

  union all
  select 'event_applied_to_no_purchase', e.user_id, e.id, e.type
  from credits.stripe_events as e
  where e.outcome = 'applied'
    and not exists (
      select from credits.transactions as t where t.user_id = e.user_id and t.id = e.transaction_id
    )

  union all
  select 'event_failed', e.user_id, e.id, e.reason
  from credits.stripe_events as e
  where e.outcome = 'failed'
$$;

comment on function public.audit_credits() is
'Proves the whole database: gives one row for each thing that does not add up, none when all is right. Reads all rows; '
'runs in one snapshot, beside live traffic.';
create function public.explain_credits(subject text)
returns jsonb
language plpgsql
stable
security definer -- service_role alone may execute it; it reads tables that service_role cannot
set search_path = ''
as $$
declare
  wanted_id uuid := case
    when explain_credits.subject ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then explain_credits.subject::uuid
  end;
  wanted_user uuid;
  purchase_ids uuid[];
begin
  if exists (select from credits.accounts as a where a.user_id = wanted_id) then
    wanted_user := wanted_id;
    purchase_ids := array(select t.id from credits.transactions as t where t.user_id = wanted_user);
  else
    select t.user_id, array[t.id] into wanted_user, purchase_ids
    from credits.transactions as t
    where t.id = wanted_id or t.stripe_payment_intent_id = explain_credits.subject;
  end if;
  if wanted_user is null then
    perform credits.fail(404, 'not_found', 'No user, purchase or PaymentIntent has this id.');
  end if;

  return jsonb_build_object(
    'account', (select to_jsonb(a) from credits.accounts as a where a.user_id = wanted_user),
    'purchases', (
      select coalesce(jsonb_agg(to_jsonb(t) order by t.created_at, t.id), '[]')
      from credits.transactions as t where t.id = any(purchase_ids)
    ),
    'refunds', (
      select coalesce(jsonb_agg(to_jsonb(r) order by r.created_at, r.id), '[]')
      from credits.refunds as r where r.user_id = wanted_user and r.transaction_id = any(purchase_ids)
    ),
    'disputes', (
      select coalesce(jsonb_agg(to_jsonb(d) order by d.created_at, d.id), '[]')
      from credits.disputes as d where d.user_id = wanted_user and d.transaction_id = any(purchase_ids)
    ),
    'events', (
      select coalesce(jsonb_agg(to_jsonb(e) order by e.received_at, e.created_at, e.type not like '%.created', e.id), '[]')
      from credits.stripe_events as e where e.user_id = wanted_user and e.transaction_id = any(purchase_ids)
    ),
    'lots', (
      select coalesce(jsonb_agg(to_jsonb(l) - 'is_open' order by l.id), '[]')
      from credits.lots as l
      where l.user_id = wanted_user and (
        l.transaction_id = any(purchase_ids) or (wanted_user = wanted_id and l.transaction_id is null)
      )
    ),
    'holds', (
      select coalesce(jsonb_agg(to_jsonb(h) order by h.created_at, h.id), '[]')
      from credits.holds as h
      where h.user_id = wanted_user and wanted_user = wanted_id and h.status = 'open'
    ),
    'entries', (
      select coalesce(jsonb_agg(to_jsonb(l) order by l.id), '[]')
      from credits.ledger_entries as l
      where l.user_id = wanted_user and (wanted_user = wanted_id or l.transaction_id = any(purchase_ids))
    )
  );
end
$$;

comment on function public.explain_credits(text) is
'Everything known about a user, a purchase or a PaymentIntent, each list in order: {account, purchases, refunds, '
'disputes, events, lots, holds, entries}; of the holds those that are open, of a user alone. Errors: 404 not_found.';
create function public.close_credit_purchase(transaction_id uuid, out status text)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
as $$
#variable_conflict use_column
declare
  purchase credits.transactions;
begin
  perform
  from credits.accounts as a
  where a.user_id = (select t.user_id from credits.transactions as t where t.id = close_credit_purchase.transaction_id)
  for no key update;
  select t.* into purchase
  from credits.transactions as t
  where t.id = close_credit_purchase.transaction_id;
  if not found then
    perform credits.fail(404, 'transaction_not_found', 'There is no such purchase.');
  elsif purchase.stripe_payment_intent_id is not null then
    perform credits.fail(
      409, 'purchase_has_payment_intent', 'The purchase has a PaymentIntent.',
      'Cancel it at Stripe; its event closes the purchase.'
    );
  end if;

  update credits.transactions as t
  set payment_state = 'canceled', payment_state_at = now(), failure_code = 'abandoned', updated_at = now()
  where t.id = purchase.id and t.payment_state = 'pending'
  returning t.status into close_credit_purchase.status;
  close_credit_purchase.status := coalesce(close_credit_purchase.status, purchase.status);
end
$$;

comment on function public.close_credit_purchase(uuid) is
'Cancels a purchase that never got a PaymentIntent, so nobody can pay it. Again changes nothing. Errors: '
'404 transaction_not_found, 409 purchase_has_payment_intent.';
create function public.credit_facts(payment_intent_ids text[], transaction_ids uuid[] default '{}')
returns jsonb
language sql
stable
security definer -- service_role alone may execute it; it reads tables that service_role cannot
set search_path = ''
as $$
  select coalesce(jsonb_agg(jsonb_build_object(
    'transaction_id', t.id,
    'user_id', t.user_id,
    'livemode', t.livemode,
    'payment_intent_id', t.stripe_payment_intent_id,
    'amount', credits.major_units(t.amount_minor, t.currency),
    'currency', t.currency,
    'status', t.status,
    'refunded_amount', credits.major_units(t.refunded_minor, t.currency),
    'disputed_amount', credits.major_units(t.disputed_minor, t.currency),
    'credits', credits.shown(t.credits_purchased - t.credits_refunded - t.credits_disputed),
    'payment_state', t.payment_state,
    'payment_state_at', case when isfinite(t.payment_state_at) then extract(epoch from t.payment_state_at)::bigint end,
    'refunds', (
      select coalesce(jsonb_object_agg(r.id, r.status), '{}')
      from credits.refunds as r
      where r.user_id = t.user_id and r.transaction_id = t.id
    ),
    'disputes', (
      select coalesce(jsonb_object_agg(d.id, jsonb_build_object(
        'status', d.status,
        'status_at', case when isfinite(d.status_at) then extract(epoch from d.status_at)::bigint end,
        'amount_minor', d.amount_minor,
        'funds', d.funds
      )), '{}')
      from credits.disputes as d
      where d.user_id = t.user_id and d.transaction_id = t.id
    )
  ) order by t.created_at, t.id), '[]')
  from credits.transactions as t
  where
    t.stripe_payment_intent_id = any(credit_facts.payment_intent_ids)
    or t.id = any(credit_facts.transaction_ids)
$$;

comment on function public.credit_facts(text[], uuid[]) is
'What is known of purchases, found by PaymentIntent or by id, to be compared with Stripe: an array of {transaction_id, '
'payment_intent_id, status, credits, payment_state, refunds: {id: status}, disputes: {id: {status, funds, …}}, …}. '
'Amounts are in the currency''s major unit, times in Unix seconds; credits is what the purchase gives as it stands.';
create function public.spend_credits(
  user_id uuid,
  amount numeric,
  idempotency_key text,
  description text,
  metadata jsonb default null,
  out entry_id bigint,
  out balance numeric,
  out created boolean
)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set plan_cache_mode = force_generic_plan -- all goes by keys; planning anew takes longer than running it
as $$
#variable_conflict use_column
declare
  entry_key constant text := 'spend:' || credits.check_posting(
    spend_credits.amount, spend_credits.idempotency_key, spend_credits.description, spend_credits.metadata
  );
  posted credits.posted;
  entry credits.ledger_entries;
  funds credits.funds;
begin
  posted := credits.post_spend(
    spend_credits.user_id, spend_credits.amount, entry_key, spend_credits.description, spend_credits.metadata
  );
  created := posted.entry_id is not null;
  if not created then
    funds := credits.lock_account(spend_credits.user_id);
    select e.* into entry
    from credits.ledger_entries as e
    where e.user_id = spend_credits.user_id and e.key = entry_key;
    created := not found;
    if created then
      if funds.balance - funds.held < spend_credits.amount then
        perform credits.insufficient(funds, spend_credits.amount);
      end if;
      posted := credits.post_spend(
        spend_credits.user_id, spend_credits.amount, entry_key, spend_credits.description, spend_credits.metadata
      );
    elsif (-entry.amount, entry.description, entry.metadata)
      is distinct from (spend_credits.amount, spend_credits.description, spend_credits.metadata) then
      perform credits.key_reused('spend');
    end if;
  end if;
  entry_id := coalesce(posted.entry_id, entry.id);
  balance := credits.shown(coalesce(posted.balance, entry.balance_after));
end
$$;

comment on function public.spend_credits(uuid, numeric, text, text, jsonb) is
'Takes credits for usage. The same idempotency_key and arguments give the same answer again (created is false) and '
'take nothing. description and metadata, an object, are shown in the user''s history. Errors: 400 invalid_argument, '
'402 insufficient_credits (hint is JSON: {balance, available, shortfall}), 403 user_not_found, 409 '
'idempotency_key_reused.';
create function public.spend_credits_batch(spends jsonb)
returns jsonb
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
as $$
declare
  spend jsonb;
  place bigint;
  posting record;
  code text;
  hint text;
  answer jsonb;
  answers jsonb := '{}';
begin
  if jsonb_typeof(spend_credits_batch.spends) is distinct from 'array'
    or jsonb_array_length(spend_credits_batch.spends) > 1000 then
    perform credits.fail(400, 'invalid_argument', 'spends must be an array of at most 1,000 spends.');
  end if;

  -- In the order of user_id, as everybody locks accounts; those of one user in the order given.
  for spend, place in
    select s.spend, s.place
    from jsonb_array_elements(spend_credits_batch.spends) with ordinality as s (spend, place)
    order by case when pg_input_is_valid(s.spend ->> 'user_id', 'uuid') then (s.spend ->> 'user_id')::uuid end, s.place
  loop
    begin
      select p.* into posting
      from public.spend_credits(
        (spend ->> 'user_id')::uuid, (spend ->> 'amount')::numeric, spend ->> 'idempotency_key',
        spend ->> 'description', nullif(spend -> 'metadata', 'null')
      ) as p;
      answer := jsonb_build_object(
        'status', 200, 'entry_id', posting.entry_id, 'balance', posting.balance, 'created', posting.created
      );
    exception when others then
      get stacked diagnostics code = pg_exception_detail, hint = pg_exception_hint;
      answer := case
        when sqlstate like 'PT%' then jsonb_build_object(
          'status', substr(sqlstate, 3)::integer, 'code', code, 'message', sqlerrm, 'hint', hint
        )
        when sqlstate like '22%' then jsonb_build_object(
          'status', 400, 'code', 'invalid_argument', 'message', sqlerrm, 'hint', ''
        )
        else jsonb_build_object('status', 503, 'code', 'failed', 'message', sqlerrm, 'hint', 'Send this one again.')
      end;
    end;
    answers := answers || jsonb_build_object(
      place, answer || jsonb_build_object('user_id', spend -> 'user_id', 'idempotency_key', spend -> 'idempotency_key')
    );
  end loop;

  return (
    select coalesce(jsonb_agg(answers -> a.place::text order by a.place), '[]')
    from generate_series(1, jsonb_array_length(spend_credits_batch.spends)) as a (place)
  );
end
$$;

comment on function public.spend_credits_batch(jsonb) is
'Takes up to 1,000 spends, each {user_id, amount, idempotency_key, description, metadata}, of any users; each '
'succeeds or fails alone. Gives for each, in the same order, {user_id, idempotency_key, status: 200, entry_id, '
'balance, created} or {user_id, idempotency_key, status, code, message, hint} with the status and code that '
'spend_credits would answer; 503 failed: send that one again. Errors: 400 invalid_argument.';
create function public.hold_credits(
  user_id uuid,
  amount numeric,
  idempotency_key text,
  expires_in interval,
  description text,
  metadata jsonb default null,
  out hold_id uuid,
  out held numeric,
  out expires_at timestamptz,
  out status text,
  out created boolean
)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set plan_cache_mode = force_generic_plan -- all goes by keys; planning anew takes longer than running it
as $$
#variable_conflict use_column
declare
  lasting interval;
  funds credits.funds;
  hold credits.holds;
begin
  perform credits.check_posting(
    hold_credits.amount, hold_credits.idempotency_key, hold_credits.description, hold_credits.metadata
  );
  if (hold_credits.expires_in between interval '1 second' and interval '30 days') is not true then
    perform credits.fail(400, 'invalid_argument', 'expires_in must be between one second and 30 days.');
  end if;
  -- Without days and months, whose length depends on the session's time zone.
  lasting := make_interval(secs => extract(epoch from hold_credits.expires_in)::double precision);
  funds := credits.lock_account(hold_credits.user_id);

  select h.* into hold
  from credits.holds as h
  where h.user_id = hold_credits.user_id and h.idempotency_key = hold_credits.idempotency_key;
  created := not found;
  if created then
    if funds.balance - funds.held < hold_credits.amount then
      perform credits.insufficient(funds, hold_credits.amount);
    end if;
    insert into credits.holds as h (user_id, amount, idempotency_key, description, metadata, expires_at)
    values (
      hold_credits.user_id, hold_credits.amount, hold_credits.idempotency_key, hold_credits.description,
      hold_credits.metadata, now() + lasting
    )
    returning h.* into hold;
    update credits.accounts as a
    set held = a.held + hold.amount, due_at = least(a.due_at, hold.expires_at)
    where a.user_id = hold.user_id;
  elsif (hold.amount, hold.description, hold.metadata, hold.expires_at - hold.created_at)
    is distinct from (hold_credits.amount, hold_credits.description, hold_credits.metadata, lasting) then
    perform credits.key_reused('hold');
  end if;
  hold_id := hold.id;
  held := credits.shown(hold.amount);
  expires_at := hold.expires_at;
  status := hold.status;
end
$$;

comment on function public.hold_credits(uuid, numeric, text, interval, text, jsonb) is
'Reserves credits for work whose price is not known yet; capture_hold takes what was used, release_hold gives it back, '
'and from expires_in (1 second to 30 days) on it counts for nothing. The same idempotency_key and arguments give the '
'same hold again (created is false; status is open, captured, released or expired). Errors: 400 invalid_argument, '
'402 insufficient_credits (hint is JSON: {balance, available, shortfall}), 403 user_not_found, '
'409 idempotency_key_reused.';
create function credits.lock_hold(p_hold_id uuid, out hold credits.holds, out funds credits.funds)
language plpgsql
set search_path = ''
as $$
begin
  select h.* into hold from credits.holds as h where h.id = p_hold_id;
  if not found then
    perform credits.fail(404, 'hold_not_found', 'There is no such hold.');
  end if;
  funds := credits.lock_account(hold.user_id);
  select h.* into hold from credits.holds as h where h.id = p_hold_id;
end
$$;

comment on function credits.lock_hold(uuid) is
'A hold as it stands once its account is locked. Raises 404 hold_not_found.';

create function public.capture_hold(
  hold_id uuid,
  amount numeric,
  description text default null,
  metadata jsonb default null,
  out entry_id bigint,
  out balance numeric,
  out created boolean
)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set plan_cache_mode = force_generic_plan -- all goes by keys; planning anew takes longer than running it
as $$
#variable_conflict use_column
declare
  entry_key constant text := 'capture:' || capture_hold.hold_id;
  locked record;
  hold credits.holds;
  funds credits.funds;
  entry credits.ledger_entries;
  posted credits.posted;
  notes text;
  noted jsonb;
begin
  select l.hold, l.funds into locked from credits.lock_hold(capture_hold.hold_id) as l;
  hold := locked.hold;
  funds := locked.funds;
  notes := coalesce(capture_hold.description, hold.description);
  noted := coalesce(capture_hold.metadata, hold.metadata);
  perform credits.check_posting(capture_hold.amount, entry_key, notes, noted);

  created := hold.status = 'open';
  if created then
    if capture_hold.amount > hold.amount then
      if not (select s.allow_capture_overrun from credits.settings as s) then
        perform credits.fail(
          409, 'capture_exceeds_hold', format('Only %s credits are held.', credits.shown(hold.amount)),
          'Capture at most what is held and spend the rest, or set allow_capture_overrun.'
        );
      end if;
      funds.held := funds.held - hold.amount;
      if funds.balance - funds.held < capture_hold.amount then
        perform credits.insufficient(funds, capture_hold.amount);
      end if;
    end if;
    perform credits.free_hold(hold, 'captured');
    posted := credits.post_entry(
      hold.user_id, 'spend', -capture_hold.amount, entry_key, notes,
      credits.draw(hold.user_id, capture_hold.amount, hold.created_at), p_metadata => noted
    );
  elsif hold.status = 'captured' then
    select e.* into strict entry
    from credits.ledger_entries as e
    where e.user_id = hold.user_id and e.key = entry_key;
    if (-entry.amount, entry.description, entry.metadata) is distinct from (capture_hold.amount, notes, noted) then
      perform credits.fail(409, 'hold_captured', 'The hold was captured with other arguments.');
    end if;
  elsif hold.status = 'released' then
    perform credits.fail(409, 'hold_released', 'The hold was released.', 'Use spend_credits for what was used.');
  else
    perform credits.fail(409, 'hold_expired', 'The hold has expired.', 'Use spend_credits for what was used.');
  end if;
  entry_id := coalesce(posted.entry_id, entry.id);
  balance := credits.shown(coalesce(posted.balance, entry.balance_after));
end
$$;

comment on function public.capture_hold(uuid, numeric, text, jsonb) is
'Takes what was used of a hold and frees the rest; it succeeds even if the payment behind the credits was taken back '
'meanwhile. description and metadata are the hold''s unless given. Again with the same arguments gives the same answer '
'(created is false). Errors: 400 invalid_argument, 402 insufficient_credits (only with allow_capture_overrun), '
'403 user_not_found, 404 hold_not_found, 409 capture_exceeds_hold or hold_captured or hold_released or hold_expired.';
create function public.release_hold(hold_id uuid, out status text, out released numeric)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set plan_cache_mode = force_generic_plan -- all goes by keys; planning anew takes longer than running it
as $$
#variable_conflict use_column
declare
  hold credits.holds;
begin
  select (l.hold).* into hold from credits.lock_hold(release_hold.hold_id) as l;
  released := 0.00;
  if hold.status = 'captured' then
    perform credits.fail(409, 'hold_captured', 'The hold was captured.', 'Give its entry back with refund_spend.');
  elsif hold.status = 'open' then
    perform credits.free_hold(hold, 'released');
    hold.status := 'released';
    released := credits.shown(hold.amount);
  end if;
  status := hold.status;
end
$$;

comment on function public.release_hold(uuid) is
'Gives back what was held. A hold that ended so before, or expired, changes nothing more: released is 0.00 then, '
'status released or expired. Errors: 403 user_not_found, 404 hold_not_found, 409 hold_captured.';
create function credits.give_back(p_spend credits.ledger_entries, p_amount numeric)
returns jsonb
language plpgsql
stable
set search_path = ''
as $$
declare
  wanted numeric := p_amount;
  given numeric;
  back jsonb := '{}';
  lot record;
begin
  for lot in
    select l.id, -(p_spend.lots ->> l.id::text)::numeric - coalesce(
      (
        select sum((e.lots ->> l.id::text)::numeric)
        from credits.ledger_entries as e
        where e.user_id = p_spend.user_id and e.spend_id = p_spend.id and e.lots ? l.id::text
      ), 0
    ) as taken
    from jsonb_object_keys(p_spend.lots) as k (lot_id)
    inner join credits.lots as l on l.user_id = p_spend.user_id and l.id = k.lot_id::bigint
    order by l.expires_at desc, l.priority desc, l.id desc
  loop
    given := least(lot.taken, wanted);
    if given > 0 then
      back := back || jsonb_build_object(lot.id, trim_scale(given));
      wanted := wanted - given;
    end if;
  end loop;
  return back;
end
$$;

comment on function credits.give_back(credits.ledger_entries, numeric) is
'Which lots a part of a spend goes back to, for move_lots: in the reverse order of the draw, so what lasts longest '
'comes back first, and no lot gets more than was taken from it.';

create function public.refund_spend(
  user_id uuid,
  entry_id bigint,
  amount numeric,
  idempotency_key text,
  description text default null,
  out refund_entry_id bigint,
  out balance numeric,
  out created boolean
)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set plan_cache_mode = force_generic_plan -- all goes by keys; planning anew takes longer than running it
as $$
#variable_conflict use_column
declare
  entry_key constant text := 'spend_refund:' || refund_spend.idempotency_key;
  spend credits.ledger_entries;
  entry credits.ledger_entries;
  lots jsonb;
  posted credits.posted;
  notes text;
  left_of_it numeric;
begin
  perform credits.lock_account(refund_spend.user_id);

  select e.* into spend
  from credits.ledger_entries as e
  where e.user_id = refund_spend.user_id and e.id = refund_spend.entry_id and e.kind = 'spend';
  if not found then
    perform credits.fail(404, 'spend_not_found', 'The user has no such spend.');
  end if;
  notes := coalesce(refund_spend.description, left('Refund of ' || spend.description, 500));
  perform credits.check_posting(refund_spend.amount, refund_spend.idempotency_key, notes);

  select e.* into entry
  from credits.ledger_entries as e
  where e.user_id = refund_spend.user_id and e.key = entry_key;
  created := not found;
  if created then
    left_of_it := -spend.amount - coalesce(
      (select sum(e.amount) from credits.ledger_entries as e where e.user_id = spend.user_id and e.spend_id = spend.id),
      0
    );
    if refund_spend.amount > left_of_it then
      perform credits.fail(
        409, 'refund_exceeds_spend',
        format('Only %s credits of this spend are left to refund.', credits.shown(left_of_it))
      );
    end if;
    lots := credits.move_lots(spend.user_id, credits.give_back(spend, refund_spend.amount));
    posted := credits.post_entry(
      spend.user_id, 'spend_refund', refund_spend.amount, entry_key, notes, lots, p_spend_id => spend.id
    );
    update credits.accounts as a
    set due_at = least(
      a.due_at,
      (
        select min(l.expires_at)
        from jsonb_object_keys(lots) as k (lot_id)
        inner join credits.lots as l on l.user_id = spend.user_id and l.id = k.lot_id::bigint
      )
    )
    where a.user_id = spend.user_id;
  elsif (entry.spend_id, entry.amount, entry.description) <> (spend.id, refund_spend.amount, notes) then
    perform credits.key_reused('refund');
  end if;
  refund_entry_id := coalesce(posted.entry_id, entry.id);
  balance := credits.shown(coalesce(posted.balance, entry.balance_after));
exception when numeric_value_out_of_range then
  perform credits.fail(400, 'invalid_argument', 'The balance would be larger than a balance can be.');
end
$$;

comment on function public.refund_spend(uuid, bigint, numeric, text, text) is
'Gives back a spend or a part of it, for the app''s own mistakes: the lots are as if it had not been taken, and what '
'of them has lapsed since lapses again. The same idempotency_key and arguments give the same answer again (created '
'is false). Errors: 400 invalid_argument, 403 user_not_found, 404 spend_not_found, 409 refund_exceeds_spend or '
'idempotency_key_reused.';
create function public.expire_credits(max_accounts integer default 1000)
returns integer
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
as $$
declare
  due uuid;
  accounts_done integer := 0;
begin
  if expire_credits.max_accounts is null or expire_credits.max_accounts not between 1 and 10000 then
    perform credits.fail(400, 'invalid_argument', 'max_accounts must be between 1 and 10,000.');
  end if;
  for due in
    select a.user_id
    from credits.accounts as a
    where a.due_at <= now()
    order by a.due_at, a.user_id
    limit expire_credits.max_accounts
    for no key update skip locked
  loop
    perform credits.lapse(due);
    accounts_done := accounts_done + 1;
  end loop;
  return accounts_done;
end
$$;

comment on function public.expire_credits(integer) is
'Posts the expiry of what has lapsed and marks the holds whose time has come, of up to max_accounts accounts (1 to '
'10,000); gives how many it went through, less than max_accounts when all are done. Balances read right without it; it '
'brings the ledger in line. Passes over accounts that are locked. Errors: 400 invalid_argument.';
create view credits.journal
with (security_invoker = true) as
select
  m.entry_id,
  m.user_id,
  m.kind,
  m.created_at,
  m.lot_id,
  side.account,
  side.sign * m.amount as credits,
  coalesce(t.currency, s.currency) as currency,
  side.sign * case
    when t.id is null then 0
    -- What Stripe moved is whole in the currency; credits were cut from it, down to their last decimal.
    when m.kind in ('purchase', 'refund', 'dispute')
      then round(m.amount * credits.major_units(t.amount_minor, t.currency) / t.credits, c.places)
    else m.amount * credits.major_units(t.amount_minor, t.currency) / t.credits
  end as amount
from credits.lot_movements as m
cross join credits.settings as s
inner join credits.lots as l on m.user_id = l.user_id and m.lot_id = l.id
left join credits.transactions as t on l.user_id = t.user_id and l.transaction_id = t.id
left join lateral scale(credits.major_units(1, t.currency)) as c (places) on true
cross join lateral (
  values
  ('user_liability', -1),
  (
    case m.kind
      when 'purchase' then 'cash_at_stripe'
      when 'grant' then 'promotion'
      when 'spend' then 'revenue'
      when 'spend_refund' then 'revenue'
      when 'expiry' then 'breakage'
      when 'refund' then 'refunds'
      when 'dispute' then 'disputes'
    end,
    1
  )
) as side (account, sign);

comment on view credits.journal is
'The ledger as double-entry bookkeeping: every movement of a lot on two accounts, debit above zero and credit below, '
'so each entry sums to zero, in credits and in money. user_liability is what users can still use: in money, deferred '
'revenue at the price that was paid for each lot; granted credits have none. Against it stand cash_at_stripe '
'(purchases), refunds and disputes (what left it again), revenue (spends), promotion (grants) and breakage (expiry). '
'Stripe''s fees and payouts are not in it.';
comment on column credits.journal.amount is
'Money in the currency''s major unit. Revenue is not rounded, so that shares of a price add up to it.';
create function public.credit_report(since timestamptz, until timestamptz)
returns table (
  unit text, account text, opening numeric, debit numeric, credit numeric, closing numeric
)
language plpgsql
stable
security definer -- service_role alone may execute it; it reads tables that service_role cannot
set search_path = ''
set statement_timeout = '10min'
as $$
#variable_conflict use_column
begin
  if num_nulls(credit_report.since, credit_report.until) > 0 or credit_report.since >= credit_report.until then
    perform credits.fail(400, 'invalid_argument', 'since and until are required, and since comes before until.');
  end if;
  -- Rounded are the sums from the first entry on, of what stands against user_liability. So each closing balance is the
  -- next period's opening one, and every row and column adds up, which figures rounded one by one would not.
  return query
  with sums as (
    select
      u.unit,
      j.account,
      round(coalesce(sum(u.amount) filter (where u.amount > 0 and j.created_at < credit_report.since), 0), u.places)
        as debit_before,
      round(coalesce(-sum(u.amount) filter (where u.amount < 0 and j.created_at < credit_report.since), 0), u.places)
        as credit_before,
      round(coalesce(sum(u.amount) filter (where u.amount > 0), 0), u.places) as debit_until,
      round(coalesce(-sum(u.amount) filter (where u.amount < 0), 0), u.places) as credit_until
    from credits.journal as j
    cross join lateral (
      values ('credits', j.credits, 6), (j.currency, j.amount, scale(credits.major_units(1, j.currency)))
    ) as u (unit, amount, places)
    where j.created_at < credit_report.until and j.account <> 'user_liability'
    group by u.unit, j.account, u.places
  ),

  sides as (
    select s.unit, s.account, s.debit_before, s.credit_before, s.debit_until, s.credit_until
    from sums as s
    union all
    select
      s.unit, 'user_liability', sum(s.credit_before), sum(s.debit_before), sum(s.credit_until), sum(s.debit_until)
    from sums as s
    group by s.unit
  )

  select
    s.unit,
    s.account,
    s.debit_before - s.credit_before,
    s.debit_until - s.debit_before,
    s.credit_until - s.credit_before,
    s.debit_until - s.credit_until
  from sides as s
  order by s.unit = 'credits' desc, s.unit, s.account;
end
$$;

comment on function public.credit_report(timestamptz, timestamptz) is
'The trial balance of a period, since inclusive and until exclusive: for each unit (credits, and each currency) and '
'account of the journal the opening balance, what was debited and credited, and the closing balance, debit above zero. '
'Deferred revenue at the end is the closing user_liability of a currency with its sign turned. Reads the whole ledger. '
'Errors: 400 invalid_argument.';
create function public.credit_statement(user_id uuid, since timestamptz, until timestamptz)
returns jsonb
language plpgsql
stable
security definer -- service_role alone may execute it; it reads tables that service_role cannot
set search_path = ''
as $$
declare
  opening numeric;
  closing numeric;
begin
  if num_nulls(credit_statement.user_id, credit_statement.since, credit_statement.until) > 0
    or credit_statement.since >= credit_statement.until then
    perform credits.fail(400, 'invalid_argument', 'user_id, since and until are required, and since comes before until.');
  end if;
  if not exists (select from credits.accounts as a where a.user_id = credit_statement.user_id) then
    perform credits.fail(404, 'account_not_found', 'This user has no account.');
  end if;

  select e.balance_after into opening
  from credits.ledger_entries as e
  where e.user_id = credit_statement.user_id and e.created_at < credit_statement.since
  order by e.created_at desc
  limit 1;
  select e.balance_after into closing
  from credits.ledger_entries as e
  where e.user_id = credit_statement.user_id and e.created_at < credit_statement.until
  order by e.created_at desc
  limit 1;

  return jsonb_build_object(
    'user_id', credit_statement.user_id,
    'currency', (select s.currency from credits.settings as s),
    'since', credit_statement.since,
    'until', credit_statement.until,
    'opening', credits.shown(coalesce(opening, 0)),
    'closing', credits.shown(coalesce(closing, 0)),
    'totals', (
      select coalesce(jsonb_object_agg(k.kind, jsonb_build_object('entries', k.entries, 'amount', credits.shown(k.amount))), '{}')
      from (
        select e.kind, count(*) as entries, sum(e.amount) as amount
        from credits.ledger_entries as e
        where e.user_id = credit_statement.user_id
          and e.created_at >= credit_statement.since and e.created_at < credit_statement.until
        group by e.kind
      ) as k
    )
  );
end
$$;

comment on function public.credit_statement(uuid, timestamptz, timestamptz) is
'What an account held and moved in a period, since inclusive and until exclusive: {user_id, currency, since, until, '
'opening, closing, totals: {kind: {entries, amount}}}. Its entries are those of credit_ledger with created_at in the '
'period. Errors: 400 invalid_argument, 404 account_not_found.';
create function public.save_credit_check(name text, findings integer)
returns void
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
as $$
begin
  if save_credit_check.name is null or save_credit_check.name not in ('audit', 'reconcile', 'events_behind')
  or save_credit_check.findings is null or save_credit_check.findings < 0 then
    perform credits.fail(
      400, 'invalid_argument', 'name must be audit, reconcile or events_behind, and findings a count of 0 or more.'
    );
  end if;

  insert into credits.checks (name, findings)
  values (save_credit_check.name, save_credit_check.findings)
  on conflict on constraint checks_pkey do update set
    findings = excluded.findings,
    finished_at = excluded.finished_at;
end
$$;

comment on function public.save_credit_check(text, integer) is
'Keeps what a check found, in place of what it found before. Errors: 400 invalid_argument.';

create function public.credit_checks()
returns table (name text, findings integer, finished_at timestamptz)
language sql
stable
security definer -- service_role alone may execute it; it reads a table that service_role cannot
set search_path = ''
as $$ select c.name, c.findings, c.finished_at from credits.checks as c $$;

comment on function public.credit_checks() is
'What each check found when it last ran: audit, reconcile and events_behind, those that ever ran.';
create view public.credit_packages
with (security_invoker = true) as
select
  p.id,
  p.name,
  p.description,
  p.currency,
  p.is_active,
  p.sort_order,
  credits.major_units(p.amount_minor, p.currency) as amount,
  credits.shown(p.credits) as credits
from credits.packages as p;

comment on view public.credit_packages is 'The packages on sale. amount is the price in the currency''s major unit.';

create view public.credit_transactions
with (security_invoker = true) as
select
  t.id,
  t.user_id,
  t.package_id,
  t.description,
  t.currency,
  t.status,
  t.failure_code,
  t.failure_message,
  t.stripe_payment_intent_id,
  t.created_at,
  t.updated_at,
  credits.major_units(t.amount_minor, t.currency) as amount,
  credits.shown(t.credits) as credits,
  credits.major_units(t.refunded_minor, t.currency) as refunded_amount,
  credits.major_units(t.disputed_minor, t.currency) as disputed_amount,
  to_char(t.created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as created_at_iso
from credits.transactions as t;

comment on view public.credit_transactions is
'The user''s purchases. Amounts are in the currency''s major unit; status is pending, requires_action, processing, '
'failed, canceled, succeeded, partially_refunded, refunded or disputed.';
comment on column public.credit_transactions.created_at_iso is
'created_at in UTC to the second, 2023-01-01T00:00:00Z, as the HTTP contract shows it.';

create view public.credit_balance
with (security_invoker = true) as
select
  a.user_id,
  s.currency,
  credits.shown(a.balance - due.lapsing) as balance,
  credits.shown(a.held - due.freed) as held,
  credits.shown(greatest(a.balance - due.lapsing - a.held + due.freed, 0)) as available,
  credits.shown(coalesce(next.amount, 0)) as expiring_amount,
  next.expires_at as expiring_at
from credits.accounts as a
cross join credits.settings as s
cross join lateral credits.due_of(a.user_id, a.due_at) as due
left join lateral (
  select
    l.expires_at,
    sum(l.remaining) as amount
  from credits.lots as l
  where l.user_id = a.user_id and l.is_open and l.expires_at > now() and l.expires_at < 'infinity'
  group by l.expires_at
  order by l.expires_at
  limit 1
) as next on true
union all
select
  me.user_id,
  s.currency,
  0.00 as balance,
  0.00 as held,
  0.00 as available,
  0.00 as expiring_amount,
  null as expiring_at
from (select auth.uid() as user_id) as me
cross join credits.settings as s
where
  me.user_id is not null
  and not exists (
    select from credits.accounts as a
    where a.user_id = me.user_id
  );

comment on view public.credit_balance is
'The user''s balance: always one row for a signed-in user, 0.00 before the first purchase, below zero for a debt. What '
'has expired is never in it.';
comment on column public.credit_balance.held is 'The part of the balance that open holds reserve.';
comment on column public.credit_balance.available is 'What can be spent now: balance less held, never below zero.';
comment on column public.credit_balance.expiring_amount is 'The credits that expire next; 0.00 where none do.';
comment on column public.credit_balance.expiring_at is 'When they expire; null where none do.';

create view public.credit_lots
with (security_invoker = true) as
select
  l.id,
  l.user_id,
  l.transaction_id,
  l.priority,
  credits.shown(l.remaining) as remaining,
  nullif(l.expires_at, 'infinity') as expires_at
from credits.lots as l
where l.is_open and l.expires_at > now();

comment on view public.credit_lots is
'The credits that are left, by the purchase or grant they came from; id is its ledger entry. They are spent in the '
'order of expires_at, priority, id.';

create view public.credit_ledger
with (security_invoker = true) as
select
  e.id,
  e.user_id,
  e.kind,
  e.transaction_id,
  e.spend_id,
  e.description,
  e.metadata,
  e.created_at,
  credits.shown(e.amount) as amount,
  credits.shown(e.balance_after) as balance_after,
  coalesce(e.lots, jsonb_build_object(e.id, trim_scale(e.amount))) as lots
from credits.ledger_entries as e;

comment on view public.credit_ledger is
'Every movement of the user''s balance. Read it newest first by created_at, which no two entries of a user share: '
'order=created_at.desc, and created_at=lt.<the last one''s> for the next page.';
comment on column public.credit_ledger.kind is
'purchase, refund, dispute (of a purchase), grant, spend, spend_refund or expiry.';
comment on column public.credit_ledger.lots is
'What went into or came out of which lot: {"lot id": signed credits}; a lot''s id is that of the entry that opened it.';

create view public.credit_events
with (security_invoker = true) as
select
  e.id,
  e.type,
  e.outcome,
  e.reason,
  e.user_id,
  e.transaction_id,
  e.livemode,
  e.attempts,
  e.created_at,
  e.received_at,
  e.payload
from credits.stripe_events as e;

comment on view public.credit_events is
'Every event of Stripe that was received and what became of it (applied, ignored, mismatch, failed); service_role.';
-- All that anybody but the owner may do. Hosted projects differ in what they grant by default, so all is taken first.
revoke all on all tables in schema credits from public, anon, authenticated, service_role;
revoke all on all routines in schema credits from public, anon, authenticated, service_role;
revoke all on
public.credit_packages, public.credit_transactions, public.credit_balance, public.credit_lots, public.credit_ledger,
public.credit_events
from public, anon, authenticated, service_role;
revoke all on function
public.credit_schema_version(),
public.open_credit_purchase(uuid, uuid, boolean, text, text),
public.attach_payment_intent(uuid, text),
public.save_stripe_customer(uuid, boolean, text, text),
public.grant_credits(uuid, numeric, text, text, timestamptz, integer),
public.spend_credits(uuid, numeric, text, text, jsonb),
public.spend_credits_batch(jsonb),
public.hold_credits(uuid, numeric, text, interval, text, jsonb),
public.capture_hold(uuid, numeric, text, jsonb),
public.release_hold(uuid),
public.refund_spend(uuid, bigint, numeric, text, text),
public.expire_credits(integer),
public.credit_report(timestamptz, timestamptz),
public.credit_statement(uuid, timestamptz, timestamptz),
public.record_stripe_events(jsonb),
public.close_credit_purchase(uuid),
public.forget_user(uuid),
public.audit_credits(),
public.explain_credits(text),
public.credit_facts(text[], uuid[]),
public.save_credit_check(text, integer),
public.credit_checks()
from public, anon, authenticated, service_role;

-- Reading: the views run with the reader's own rights, so row-level security decides which rows.
grant usage on schema credits to authenticated, service_role;
grant select on
public.credit_packages, public.credit_transactions, public.credit_balance, public.credit_lots, public.credit_ledger
to authenticated, service_role;
grant select (currency) on credits.settings to authenticated, service_role;
grant select (id, name, description, amount_minor, currency, credits, is_active, sort_order)
on credits.packages to authenticated, service_role;
grant select (user_id, balance, held, due_at) on credits.accounts to authenticated, service_role;
grant select (id, user_id, transaction_id, remaining, expires_at, priority, is_open)
on credits.lots to authenticated, service_role;
grant select (user_id, amount, status, created_at, expires_at) on credits.holds to authenticated, service_role;
grant select (
  id, user_id, package_id, description, amount_minor, currency, credits, status, failure_code, failure_message,
  stripe_payment_intent_id, refunded_minor, disputed_minor, created_at, updated_at
) on credits.transactions to authenticated, service_role;
grant select (
  id, user_id, kind, transaction_id, spend_id, description, metadata, amount, balance_after, lots, created_at
)
on credits.ledger_entries to authenticated, service_role;
grant select on public.credit_events to service_role;
grant select (
  id, type, outcome, reason, user_id, transaction_id, livemode, attempts, created_at, received_at, payload
) on credits.stripe_events to service_role;
grant execute on function
credits.major_units(bigint, text), credits.shown(numeric), credits.lapsed_lots(uuid),
credits.due_of(uuid, timestamptz)
to authenticated, service_role;

-- Writing: these functions alone, for the service and the app's backend alone.
grant execute on function
public.credit_schema_version(),
public.open_credit_purchase(uuid, uuid, boolean, text, text),
public.attach_payment_intent(uuid, text),
public.save_stripe_customer(uuid, boolean, text, text),
public.grant_credits(uuid, numeric, text, text, timestamptz, integer),
public.spend_credits(uuid, numeric, text, text, jsonb),
public.spend_credits_batch(jsonb),
public.hold_credits(uuid, numeric, text, interval, text, jsonb),
public.capture_hold(uuid, numeric, text, jsonb),
public.release_hold(uuid),
public.refund_spend(uuid, bigint, numeric, text, text),
public.expire_credits(integer),
public.credit_report(timestamptz, timestamptz),
public.credit_statement(uuid, timestamptz, timestamptz),
public.record_stripe_events(jsonb),
public.close_credit_purchase(uuid),
public.forget_user(uuid),
public.audit_credits(),
public.explain_credits(text),
public.credit_facts(text[], uuid[]),
public.save_credit_check(text, integer),
public.credit_checks()
to service_role;
-- Supabase Realtime, where the project has it: a client hears its own account row, by the table's own policy.
do $$
begin
  if exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime' and not puballtables) then
    alter publication supabase_realtime add table credits.accounts;
  end if;
end
$$;
