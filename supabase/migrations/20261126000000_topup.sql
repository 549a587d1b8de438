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
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
  select case
    when p_currency in (
      'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf'
    ) then p_amount_minor::numeric
    when p_currency in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then p_amount_minor * 0.001
    else p_amount_minor * 0.01
  end
$$;

comment on function credits.major_units(bigint, text) is
'Minor units as a decimal with the currency''s own number of places: 1500 usd is 15.00, 1500 jpy 1500, 1500 kwd 1.500.';

create function credits.is_chargeable(p_amount_minor bigint, p_currency text)
returns boolean
language sql
immutable
strict
parallel safe
set search_path = ''
as $$
  select case
    when p_amount_minor not between 1 and case p_currency when 'idr' then 999999999999 else 99999999 end then false
    when p_currency in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then p_amount_minor % 10 = 0
    when p_currency in ('isk', 'ugx') then p_amount_minor % 100 = 0
    else true
  end
$$;

comment on function credits.is_chargeable(bigint, text) is
'Whether Stripe takes this amount: up to 8 digits (idr 12); three-decimal currencies end in 0, isk and ugx in 00.';

create function credits.shown(p_credits numeric)
returns numeric
language sql
immutable
strict
parallel safe
set search_path = ''
as $$ select round(p_credits, greatest(2, min_scale(p_credits))) $$;

comment on function credits.shown(numeric) is
'Credits as people read them: at least two decimals and no trailing zeros beyond, 25.500000 is 25.50.';
create table credits.settings (
  singleton boolean primary key default true,
  currency text not null default 'usd',
  max_open_purchases integer not null default 10,
  open_purchase_window interval not null default '1 hour',
  refuse_disputing_users boolean not null default false,
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
  created_at timestamptz not null default now(),
  -- The name is what somebody reads who deletes such a user.
  constraint user_has_credits_call_forget_user_before_deleting
  foreign key (auth_user_id) references auth.users (id) on delete restrict,
  constraint accounts_auth_user_is_the_user check (auth_user_id = user_id),
  constraint accounts_balance_is_a_number check (balance <> 'NaN'),
  constraint accounts_held_is_not_negative check (held >= 0 and held <> 'NaN')
)
with (fillfactor = 50);

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
comment on column credits.accounts.held is 'The part of the balance that is reserved and cannot be spent.';
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
create table credits.ledger_entries (
  id bigint generated always as identity,
  user_id uuid not null references credits.accounts (user_id) on delete restrict,
  kind text not null,
  amount numeric(20, 6) not null,
  balance_after numeric(20, 6) not null,
  transaction_id uuid,
  description text not null,
  key text not null,
  created_at timestamptz not null default now(),
  primary key (user_id, id),
  constraint ledger_entries_key_is_one unique (user_id, key),
  constraint ledger_entries_belong_to_the_users_purchase
  foreign key (user_id, transaction_id) references credits.transactions (user_id, id) on delete restrict,
  constraint ledger_entries_kind_is_known check (kind in ('purchase', 'refund', 'dispute', 'grant')),
  constraint ledger_entries_purchase_is_named check (
    (kind in ('purchase', 'refund', 'dispute')) = (transaction_id is not null)
  ),
  constraint ledger_entries_amount_moves_the_balance check (amount <> 0 and amount <> 'NaN')
);

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
'Every change of a balance, append-only, in the order in which it happened. Written by credits.post_entry alone.';
comment on column credits.ledger_entries.amount is 'Credits, signed: what the balance moved by.';
comment on column credits.ledger_entries.balance_after is 'The user''s balance once this entry was posted.';
comment on column credits.ledger_entries.key is
'What makes the entry happen once: the event or request that caused it.';
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

create function credits.lock_account(p_user_id uuid)
returns void
language plpgsql
set search_path = ''
as $$
begin
  perform from credits.accounts where auth_user_id = p_user_id for no key update;
  if found then
    return;
  end if;
  insert into credits.accounts (user_id, auth_user_id)
  select u.id, u.id from auth.users as u where u.id = p_user_id
  on conflict do nothing;
  perform from credits.accounts where auth_user_id = p_user_id for no key update;
  if not found then
    perform credits.fail(403, 'user_not_found', 'There is no such user.');
  end if;
end
$$;

comment on function credits.lock_account(uuid) is
'Locks the user''s account, opening it first where there is none. Every function takes this lock before it reads or '
'moves a user''s money, and several of them in the order of user_id, so no two can wait for each other.';
create function credits.post_entry(
  p_user_id uuid,
  p_kind text,
  p_amount numeric,
  p_key text,
  p_description text,
  p_transaction_id uuid default null
)
returns credits.ledger_entries
language plpgsql
set search_path = ''
as $$
declare
  entry credits.ledger_entries;
begin
  with account as (
    update credits.accounts
    set balance = balance + p_amount
    where user_id = p_user_id
    returning balance
  )
  insert into credits.ledger_entries (user_id, kind, amount, balance_after, transaction_id, description, key)
  select p_user_id, p_kind, p_amount, account.balance, p_transaction_id, p_description, p_key
  from account
  returning * into strict entry;
  return entry;
end
$$;

comment on function credits.post_entry(uuid, text, numeric, text, text, uuid) is
'Moves a balance and writes its ledger entry, in one statement: the only code that writes either. The key makes the '
'entry happen once; posting it again raises unique_violation.';
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

create function credits.settle(p_purchase credits.transactions, p_cause text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  target credits.entitlement := credits.entitlement_of(p_purchase);
  movement record;
begin
  for movement in
    select m.*
    from (values
      ('purchase', target.purchased - p_purchase.credits_purchased, p_purchase.description),
      ('refund', p_purchase.credits_refunded - target.refunded,
        case when target.refunded > p_purchase.credits_refunded then 'Refund of ' else 'Failed refund of ' end
        || p_purchase.description),
      ('dispute', p_purchase.credits_disputed - target.disputed,
        case when target.disputed > p_purchase.credits_disputed then 'Dispute of ' else 'Reinstated dispute of ' end
        || p_purchase.description)
    ) as m (kind, amount, description)
    where m.amount <> 0
  loop
    perform credits.post_entry(
      p_purchase.user_id, movement.kind, movement.amount, p_cause || ':' || movement.kind,
      movement.description, p_purchase.id
    );
  end loop;

  update credits.transactions
  set
    payment_state = p_purchase.payment_state,
    payment_state_at = p_purchase.payment_state_at,
    payment_event_id = p_purchase.payment_event_id,
    failure_code = p_purchase.failure_code,
    failure_message = p_purchase.failure_message,
    refunded_minor = p_purchase.refunded_minor,
    disputed_minor = p_purchase.disputed_minor,
    charge_refunded_minor = p_purchase.charge_refunded_minor,
    charge_refunded_at = p_purchase.charge_refunded_at,
    credits_purchased = target.purchased,
    credits_refunded = target.refunded,
    credits_disputed = target.disputed,
    updated_at = now()
  where id = p_purchase.id;
end
$$;

comment on function credits.settle(credits.transactions, text) is
'Stores a purchase''s facts and posts the difference between what they entitle the user to and what the ledger '
'already says.';
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

create function credits.transaction_of(p_event jsonb)
returns credits.transactions
language plpgsql
stable
set search_path = ''
as $$
declare
  claimed_id text := case p_event #>> '{object,object}'
    when 'payment_intent' then p_event #>> '{object,metadata,transaction_id}'
  end;
  purchase credits.transactions;
begin
  select t.* into purchase
  from credits.transactions as t
  where t.stripe_payment_intent_id = credits.payment_intent_of(p_event);
  if not found and claimed_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    select t.* into purchase from credits.transactions as t where t.id = claimed_id::uuid;
  end if;
  return purchase;
end
$$;

comment on function credits.transaction_of(jsonb) is
'The purchase that an event is about: by its PaymentIntent, or by the metadata of a PaymentIntent whose id was never '
'attached because the service died right after creating it. All columns null where there is none.';

create function credits.lock_purchase(p_event jsonb)
returns credits.transactions
language plpgsql
set search_path = ''
as $$
declare
  purchase credits.transactions := credits.transaction_of(p_event);
begin
  select t.* into purchase
  from credits.transactions as t
  where t.id = purchase.id
  for no key update;
  return purchase;
end
$$;

comment on function credits.lock_purchase(jsonb) is
'The newest state of the purchase that an event is about, its row locked. All columns null where there is none.';
create type credits.verdict as (outcome text, reason text, user_id uuid, transaction_id uuid);

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

create function credits.apply_payment(p_event jsonb)
returns credits.verdict
language plpgsql
set search_path = ''
as $$
declare
  intent jsonb := p_event -> 'object';
  purchase credits.transactions := credits.lock_purchase(p_event);
  mismatch text := credits.payment_mismatch(p_event, purchase);
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
  known_rank integer := credits.payment_rank(purchase.payment_state);
begin
  if purchase.id is null and intent #>> '{metadata,transaction_id}' is null then
    return row('ignored', 'not_ours', null, null)::credits.verdict;
  elsif purchase.id is null then
    return row('mismatch', 'unknown_transaction', null, null)::credits.verdict;
  elsif mismatch is not null then
    return row('mismatch', mismatch, purchase.user_id, purchase.id)::credits.verdict;
  end if;

  -- A final state beats any other; then the newer event; within one second the further state.
  if (greatest(rank, 4), happened_at, rank, (p_event ->> 'id') collate "C")
    > (greatest(known_rank, 4), purchase.payment_state_at, known_rank, purchase.payment_event_id collate "C")
  then
    purchase.payment_state := state;
    purchase.payment_state_at := happened_at;
    purchase.payment_event_id := p_event ->> 'id';
    purchase.failure_code := case state
      when 'failed' then coalesce(intent #>> '{last_payment_error,decline_code}', intent #>> '{last_payment_error,code}')
      when 'canceled' then intent ->> 'cancellation_reason'
    end;
    purchase.failure_message := case
      when state = 'failed' and not credits.is_forgotten(purchase.user_id) then intent #>> '{last_payment_error,message}'
    end;
  end if;
  perform credits.settle(purchase, p_event ->> 'id');
  if purchase.stripe_payment_intent_id is null then
    perform credits.tie_payment_intent(purchase.id, intent ->> 'id');
  end if;
  return row('applied', null, purchase.user_id, purchase.id)::credits.verdict;
end
$$;

comment on function credits.apply_payment(jsonb) is
'Takes over what a PaymentIntent event says of its purchase, if it is newer than what is known, and settles.';
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

create function credits.apply_refund(p_event jsonb)
returns credits.verdict
language plpgsql
set search_path = ''
as $$
declare
  refund jsonb := p_event -> 'object';
  new_status text := coalesce(refund ->> 'status', 'pending');
  purchase credits.transactions := credits.lock_purchase(p_event);
  mismatch text;
begin
  if purchase.id is null then
    return row('ignored', 'not_ours', null, null)::credits.verdict;
  end if;
  mismatch := credits.reversal_mismatch(p_event, purchase, refund -> 'amount');
  if mismatch is null and credits.refund_rank(new_status) is null then
    mismatch := 'status';
  end if;
  if mismatch is not null then
    return row('mismatch', mismatch, purchase.user_id, purchase.id)::credits.verdict;
  end if;

  insert into credits.refunds as known (
    id, user_id, transaction_id, amount_minor, status, status_at, reason, failure_reason, created_at
  )
  values (
    refund ->> 'id', purchase.user_id, purchase.id, (refund ->> 'amount')::bigint, new_status,
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

  purchase.refunded_minor := credits.refunded_minor(purchase);
  perform credits.settle(purchase, p_event ->> 'id');
  return row('applied', null, purchase.user_id, purchase.id)::credits.verdict;
end
$$;

comment on function credits.apply_refund(jsonb) is
'Moves one refund forward to the state that an event tells, and settles its purchase.';

create function credits.apply_charge_refunded(p_event jsonb)
returns credits.verdict
language plpgsql
set search_path = ''
as $$
declare
  charge jsonb := p_event -> 'object';
  happened_at timestamptz := to_timestamp((p_event ->> 'created')::bigint);
  purchase credits.transactions := credits.lock_purchase(p_event);
  mismatch text;
begin
  if purchase.id is null then
    return row('ignored', 'not_ours', null, null)::credits.verdict;
  end if;
  mismatch := credits.reversal_mismatch(p_event, purchase, charge -> 'amount_refunded');
  if mismatch is not null then
    return row('mismatch', mismatch, purchase.user_id, purchase.id)::credits.verdict;
  end if;

  if (happened_at, (charge ->> 'amount_refunded')::bigint)
    > (purchase.charge_refunded_at, purchase.charge_refunded_minor)
  then
    purchase.charge_refunded_at := happened_at;
    purchase.charge_refunded_minor := (charge ->> 'amount_refunded')::bigint;
  end if;
  purchase.refunded_minor := credits.refunded_minor(purchase);
  perform credits.settle(purchase, p_event ->> 'id');
  return row('applied', null, purchase.user_id, purchase.id)::credits.verdict;
end
$$;

comment on function credits.apply_charge_refunded(jsonb) is
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

create function credits.apply_dispute(p_event jsonb)
returns credits.verdict
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
  purchase credits.transactions := credits.lock_purchase(p_event);
  known credits.disputes;
  mismatch text;
begin
  if purchase.id is null then
    return row('ignored', 'not_ours', null, null)::credits.verdict;
  end if;
  mismatch := credits.reversal_mismatch(p_event, purchase, dispute -> 'amount');
  if mismatch is null and dispute ->> 'status' is null then
    mismatch := 'status';
  end if;
  if mismatch is not null then
    return row('mismatch', mismatch, purchase.user_id, purchase.id)::credits.verdict;
  end if;

  insert into credits.disputes (id, user_id, transaction_id, amount_minor, status, status_at, reason, created_at)
  values (
    dispute ->> 'id', purchase.user_id, purchase.id, (dispute ->> 'amount')::bigint, dispute ->> 'status',
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

  purchase.disputed_minor := credits.disputed_minor(purchase);
  perform credits.settle(purchase, p_event ->> 'id');
  return row('applied', null, purchase.user_id, purchase.id)::credits.verdict;
end
$$;

comment on function credits.apply_dispute(jsonb) is
'Takes over what an event tells of a dispute, its money only forward, and settles its purchase. An inquiry moves none.';
create function credits.apply_event(p_event jsonb)
returns credits.verdict
language plpgsql
set search_path = ''
as $$
declare
  event_type text := p_event ->> 'type';
begin
  if p_event ? 'malformed' or jsonb_typeof(p_event -> 'created') is distinct from 'number' then
    return row('mismatch', 'malformed', null, null)::credits.verdict;
  elsif event_type in (
    'payment_intent.created', 'payment_intent.requires_action', 'payment_intent.processing',
    'payment_intent.payment_failed', 'payment_intent.canceled', 'payment_intent.succeeded'
  ) then
    return credits.apply_payment(p_event);
  elsif event_type in ('refund.created', 'refund.updated', 'refund.failed', 'charge.refund.updated') then
    return credits.apply_refund(p_event);
  elsif event_type = 'charge.refunded' then
    return credits.apply_charge_refunded(p_event);
  elsif event_type in (
    'charge.dispute.created', 'charge.dispute.updated', 'charge.dispute.closed',
    'charge.dispute.funds_withdrawn', 'charge.dispute.funds_reinstated'
  ) then
    return credits.apply_dispute(p_event);
  end if;
  return row('ignored', 'type', null, null)::credits.verdict;
end
$$;

comment on function credits.apply_event(jsonb) is
'Gives an event to the function that knows its type. No other type is of concern.';

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

create function credits.receive_event(p_event jsonb, p_again boolean default false)
returns credits.verdict
language plpgsql
set search_path = ''
as $$
declare
  verdict credits.verdict;
begin
  if not p_again and exists (
    select from credits.stripe_events where id = p_event ->> 'id' and outcome <> 'failed'
  ) then
    return row('duplicate', null, null, null)::credits.verdict;
  end if;

  begin
    verdict := credits.apply_event(p_event);
  exception when others then
    verdict := ('failed', sqlstate || ' ' || sqlerrm, null, null);
  end;

  insert into credits.stripe_events as known (
    id, type, livemode, api_version, created_at, outcome, reason, user_id, transaction_id, payload
  )
  values (
    p_event ->> 'id', p_event ->> 'type',
    case jsonb_typeof(p_event -> 'livemode') when 'boolean' then (p_event ->> 'livemode')::boolean end,
    p_event ->> 'api_version',
    case when p_event @? '$.created ? (@ >= 0 && @ < 10000000000)' then to_timestamp((p_event ->> 'created')::numeric) end,
    verdict.outcome, verdict.reason, verdict.user_id, verdict.transaction_id,
    case when credits.is_forgotten(verdict.user_id) then credits.without_person(p_event) else p_event end
  )
  on conflict (id) do update set
    outcome = excluded.outcome,
    reason = excluded.reason,
    user_id = excluded.user_id,
    transaction_id = excluded.transaction_id,
    attempts = known.attempts + 1
  where known.outcome = 'failed' or p_again;
  if not found then
    return row('duplicate', null, null, null)::credits.verdict;
  end if;
  return verdict;
end
$$;

comment on function credits.receive_event(jsonb, boolean) is
'Applies one event in a subtransaction of its own and stores it with what became of it. Facts are monotone, so an '
'event that two calls apply at once changes nothing the second time. p_again takes one again that was ignored.';
create function credits.tie_payment_intent(p_transaction_id uuid, p_payment_intent_id text)
returns void
language plpgsql
set search_path = ''
as $$
declare
  event jsonb;
  verdict credits.verdict;
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
    verdict := credits.receive_event(event, true);
    -- Stripe had its 200 for this one and does not send it again: what makes it ours has to come again instead.
    if verdict.outcome = 'failed' then
      raise exception 'event % cannot be taken up: %', event ->> 'id', verdict.reason;
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
  out entry_id bigint,
  out balance numeric,
  out created boolean
)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
as $$
#variable_conflict use_column
declare
  entry_key constant text := 'grant:' || grant_credits.idempotency_key;
  entry credits.ledger_entries;
begin
  if grant_credits.amount is null or grant_credits.amount <= 0 or grant_credits.amount in ('NaN', 'Infinity')
    or grant_credits.amount >= 1e14 or min_scale(grant_credits.amount) > 6 then
    perform credits.fail(
      400, 'invalid_argument', 'amount must be above zero and below 10^14, with at most six decimals.'
    );
  elsif coalesce(trim(grant_credits.reason), '') = '' then
    perform credits.fail(400, 'invalid_argument', 'reason is required: the user sees it in the history.');
  elsif grant_credits.idempotency_key is null or length(grant_credits.idempotency_key) not between 1 and 255 then
    perform credits.fail(400, 'invalid_argument', 'idempotency_key is required, 1 to 255 characters.');
  end if;
  perform credits.lock_account(grant_credits.user_id);

  select e.* into entry
  from credits.ledger_entries as e
  where e.user_id = grant_credits.user_id and e.key = entry_key;
  created := not found;
  if created then
    entry := credits.post_entry(
      grant_credits.user_id, 'grant', grant_credits.amount, entry_key, grant_credits.reason
    );
  elsif (entry.amount, entry.description) <> (grant_credits.amount, grant_credits.reason) then
    perform credits.fail(
      409, 'idempotency_key_reused', 'This idempotency key has granted something else.', 'Use a new key for a new grant.'
    );
  end if;
  entry_id := entry.id;
  balance := credits.shown(entry.balance_after);
exception when numeric_value_out_of_range then
  perform credits.fail(400, 'invalid_argument', 'The balance would be larger than a balance can be.');
end
$$;

comment on function public.grant_credits(uuid, numeric, text, text) is
'Gives a user credits without a payment. The same idempotency_key and arguments give the same answer again (created is '
'false). Errors: 400 invalid_argument, 403 user_not_found, 409 idempotency_key_reused.';
create function public.record_stripe_events(events jsonb)
returns jsonb
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
as $$
declare
  payment_intent_ids text[];
  payment_intent_id text;
  user_ids uuid[];
  event jsonb;
  verdict credits.verdict;
  verdicts jsonb := '{}';
begin
  if jsonb_typeof(record_stripe_events.events) is distinct from 'array' or exists (
    select
    from jsonb_array_elements(record_stripe_events.events) as e (event)
    where jsonb_typeof(e.event -> 'id') is distinct from 'string'
      or jsonb_typeof(e.event -> 'type') is distinct from 'string'
  ) then
    perform credits.fail(400, 'invalid_argument', 'events must be an array of events, each with an id and a type.');
  end if;

  -- First the PaymentIntents that no purchase has yet, then the accounts, then the events, each in one order: two calls
  -- never wait for each other in a circle.
  payment_intent_ids := array(
    select distinct credits.payment_intent_of(e.event)
    from jsonb_array_elements(record_stripe_events.events) as e (event)
    order by 1
  );
  foreach payment_intent_id in array payment_intent_ids loop
    if not exists (select from credits.transactions as t where t.stripe_payment_intent_id = payment_intent_id) then
      perform credits.lock_payment_intent(payment_intent_id);
    end if;
  end loop;

  user_ids := array(
    select (credits.transaction_of(e.event)).user_id
    from jsonb_array_elements(record_stripe_events.events) as e (event)
  );
  perform from credits.accounts as a where a.user_id = any(user_ids) order by a.user_id for no key update;

  for event in
    select distinct on (e.event ->> 'id') e.event
    from jsonb_array_elements(record_stripe_events.events) with ordinality as e (event, position)
    order by e.event ->> 'id', e.position
  loop
    verdict := credits.receive_event(event);
    verdicts := verdicts || jsonb_build_object(
      event ->> 'id',
      jsonb_build_object(
        'id', event ->> 'id',
        'outcome', verdict.outcome,
        'reason', verdict.reason,
        'transaction_id', verdict.transaction_id
      )
    );
  end loop;

  return (
    select coalesce(jsonb_agg(verdicts -> (e.event ->> 'id') order by e.position), '[]')
    from jsonb_array_elements(record_stripe_events.events) with ordinality as e (event, position)
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
  update credits.stripe_events as e
  set payload = credits.without_person(e.payload)
  where e.user_id = forget_user.user_id;
  update credits.accounts as a set auth_user_id = null where a.user_id = forget_user.user_id;
end
$$;

comment on function public.forget_user(uuid) is
'Erases what is personal of a user and cuts the link to auth.users, so that the user can be deleted there. Purchases '
'and ledger stay, under an id that leads to nobody; refunds and disputes still settle. Delete the customer at Stripe '
'as well. Again changes nothing. Errors: 404 account_not_found.';
create function public.audit_credits()
returns table (finding text, user_id uuid, subject text, detail text)
language sql
stable
security definer -- service_role alone may execute it; it reads tables that service_role cannot
set search_path = ''
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
'disputes, events, entries}. Errors: 404 not_found.';
create function public.close_credit_purchase(transaction_id uuid, out status text)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
as $$
#variable_conflict use_column
declare
  purchase credits.transactions;
begin
  select t.* into purchase
  from credits.transactions as t
  where t.id = close_credit_purchase.transaction_id
  for no key update;
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
  credits.shown(a.balance) as balance,
  credits.shown(a.held) as held
from credits.accounts as a
cross join credits.settings as s
union all
select
  me.user_id,
  s.currency,
  0.00 as balance,
  0.00 as held
from (select auth.uid() as user_id) as me
cross join credits.settings as s
where
  me.user_id is not null
  and not exists (
    select from credits.accounts as a
    where a.user_id = me.user_id
  );

comment on view public.credit_balance is
'The user''s balance: always one row for a signed-in user, 0.00 before the first purchase, below zero for a debt.';

create view public.credit_ledger
with (security_invoker = true) as
select
  e.id,
  e.user_id,
  e.kind,
  e.transaction_id,
  e.description,
  e.created_at,
  credits.shown(e.amount) as amount,
  credits.shown(e.balance_after) as balance_after
from credits.ledger_entries as e;

comment on view public.credit_ledger is
'Every movement of the user''s balance. Read it newest first by id: order=id.desc.';

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
public.credit_packages, public.credit_transactions, public.credit_balance, public.credit_ledger, public.credit_events
from public, anon, authenticated, service_role;
revoke all on function
public.credit_schema_version(),
public.open_credit_purchase(uuid, uuid, boolean, text, text),
public.attach_payment_intent(uuid, text),
public.save_stripe_customer(uuid, boolean, text, text),
public.grant_credits(uuid, numeric, text, text),
public.record_stripe_events(jsonb),
public.close_credit_purchase(uuid),
public.forget_user(uuid),
public.audit_credits(),
public.explain_credits(text),
public.credit_facts(text[], uuid[])
from public, anon, authenticated, service_role;

-- Reading: the views run with the reader's own rights, so row-level security decides which rows.
grant usage on schema credits to authenticated, service_role;
grant select on public.credit_packages, public.credit_transactions, public.credit_balance, public.credit_ledger
to authenticated, service_role;
grant select (currency) on credits.settings to authenticated, service_role;
grant select (id, name, description, amount_minor, currency, credits, is_active, sort_order)
on credits.packages to authenticated, service_role;
grant select (user_id, balance, held) on credits.accounts to authenticated, service_role;
grant select (
  id, user_id, package_id, description, amount_minor, currency, credits, status, failure_code, failure_message,
  stripe_payment_intent_id, refunded_minor, disputed_minor, created_at, updated_at
) on credits.transactions to authenticated, service_role;
grant select (id, user_id, kind, transaction_id, description, amount, balance_after, created_at)
on credits.ledger_entries to authenticated, service_role;
grant select on public.credit_events to service_role;
grant select (
  id, type, outcome, reason, user_id, transaction_id, livemode, attempts, created_at, received_at, payload
) on credits.stripe_events to service_role;
grant execute on function credits.major_units(bigint, text), credits.shown(numeric) to authenticated, service_role;

-- Writing: these functions alone, for the service and the app's backend alone.
grant execute on function
public.credit_schema_version(),
public.open_credit_purchase(uuid, uuid, boolean, text, text),
public.attach_payment_intent(uuid, text),
public.save_stripe_customer(uuid, boolean, text, text),
public.grant_credits(uuid, numeric, text, text),
public.record_stripe_events(jsonb),
public.close_credit_purchase(uuid),
public.forget_user(uuid),
public.audit_credits(),
public.explain_credits(text),
public.credit_facts(text[], uuid[])
to service_role;
-- Supabase Realtime, where the project has it: a client hears its own account row, by the table's own policy.
do $$
begin
  if exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime' and not puballtables) then
    alter publication supabase_realtime add table credits.accounts;
  end if;
end
$$;
