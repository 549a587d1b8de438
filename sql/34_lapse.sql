create function credits.lapsed_lots(p_user_id uuid)
returns table (lot_id bigint, amount numeric)
language plpgsql
stable
set search_path = ''
as $$
declare
  kept numeric := 'infinity';
  lot record;
begin
  -- What holds could still take of each: as much of it stays until they end, first of what lapsed last.
  for lot in
    select l.id, l.remaining, h.held
    from credits.lots as l
    cross join lateral (
      select coalesce(sum(o.amount), 0) as held
      from credits.holds as o
      where o.user_id = p_user_id and o.status = 'open' and o.expires_at > now() and o.created_at < l.expires_at
    ) as h
    where l.user_id = p_user_id and l.is_open and l.expires_at <= now()
    order by l.expires_at desc, l.priority desc, l.id desc
  loop
    kept := least(kept, lot.held);
    if lot.remaining > kept then
      lot_id := lot.id;
      amount := lot.remaining - kept;
      return next;
    end if;
    kept := greatest(kept - lot.remaining, 0);
  end loop;
end
$$;

comment on function credits.lapsed_lots(uuid) is
'What has lapsed of the user''s lots and is still in them. Credits that were held when they lapsed have not: they stay '
'for the holds that were made before, and for no other use. Runs with the reader''s own rights, for the views.';

create function credits.lapse(p_user_id uuid)
returns credits.funds
language plpgsql
set search_path = ''
as $$
declare
  funds credits.funds;
  lapsed record;
begin
  with expired as (
    update credits.holds
    set status = 'expired'
    where user_id = p_user_id and status = 'open' and expires_at <= now()
    returning amount
  )
  update credits.accounts
  set held = held - (select coalesce(sum(e.amount), 0) from expired as e)
  where user_id = p_user_id;

  for lapsed in
    select l.lot_id, l.amount, e.description
    from credits.lapsed_lots(p_user_id) as l
    inner join credits.ledger_entries as e on e.user_id = p_user_id and l.lot_id = e.id
    order by l.lot_id
  loop
    perform credits.post_entry(
      p_user_id, 'expiry', -lapsed.amount, 'expiry:' || lapsed.lot_id || ':' || clock_timestamp(),
      'Expiry of ' || lapsed.description,
      credits.move_lots(p_user_id, jsonb_build_object(lapsed.lot_id, trim_scale(-lapsed.amount)))
    );
  end loop;

  update credits.accounts
  set due_at = least(
    (select min(l.expires_at) from credits.lots as l where l.user_id = p_user_id and l.is_open and l.expires_at > now()),
    (select min(h.expires_at) from credits.holds as h where h.user_id = p_user_id and h.status = 'open'),
    'infinity'
  )
  where user_id = p_user_id
  returning balance, held into funds.balance, funds.held;
  return funds;
end
$$;

comment on function credits.lapse(uuid) is
'Ends the holds whose time has come and posts what lapsed of the user''s lots; gives what the account has then. The '
'account is locked.';

create function credits.free_hold(p_hold credits.holds, p_status text)
returns void
language plpgsql
set search_path = ''
as $$
begin
  update credits.holds set status = p_status where id = p_hold.id;
  update credits.accounts as a
  set
    held = a.held - p_hold.amount,
    -- A lot that lapsed and stayed for this hold is due now.
    due_at = least(
      a.due_at, (select min(l.expires_at) from credits.lots as l where l.user_id = a.user_id and l.is_open)
    )
  where a.user_id = p_hold.user_id;
end
$$;

comment on function credits.free_hold(credits.holds, text) is
'Ends an open hold, so that its credits are no longer held. The account is locked.';

create function credits.due_of(p_user_id uuid, p_due_at timestamptz, out freed numeric, out lapsing numeric)
language plpgsql
stable
set search_path = ''
as $$
begin
  freed := 0;
  lapsing := 0;
  if p_due_at <= now() then
    freed := (
      select coalesce(sum(h.amount), 0)
      from credits.holds as h
      where h.user_id = p_user_id and h.status = 'open' and h.expires_at <= now()
    );
    lapsing := (select coalesce(sum(l.amount), 0) from credits.lapsed_lots(p_user_id) as l);
  end if;
end
$$;

comment on function credits.due_of(uuid, timestamptz) is
'What credits.lapse has yet to do for an account: the held credits that it will free and the balance that will lapse. '
'Runs with the reader''s own rights, for the views.';
