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
  m.key::bigint as lot_id,
  m.value::numeric as amount
from credits.ledger_entries as e
cross join lateral jsonb_each_text(e.lots) as m;

comment on view credits.lot_movements is
'Every ledger entry by the lots it moved: what an entry put into a lot, or took from it.';
