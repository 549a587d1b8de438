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
