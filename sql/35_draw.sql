create function credits.draw(p_user_id uuid, p_amount numeric, p_since timestamptz default now())
returns jsonb
language plpgsql
stable
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
  return drawn;
end
$$;

comment on function credits.draw(uuid, numeric, timestamptz) is
'Which lots an amount is taken from, for post_entry: the soonest to expire first, then by priority, then the oldest. '
'A hold takes what has not lapsed since it was made, p_since. Lots that are used up are not read again. The account is '
'locked and up to date.';
