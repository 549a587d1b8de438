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
