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
