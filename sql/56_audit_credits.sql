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
