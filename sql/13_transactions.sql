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
