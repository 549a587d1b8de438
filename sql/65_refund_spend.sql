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
