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
