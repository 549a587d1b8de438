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
