create function credits.lock_hold(p_hold_id uuid, out hold credits.holds, out funds credits.funds)
language plpgsql
set search_path = ''
as $$
begin
  select h.* into hold from credits.holds as h where h.id = p_hold_id;
  if not found then
    perform credits.fail(404, 'hold_not_found', 'There is no such hold.');
  end if;
  funds := credits.lock_account(hold.user_id);
  select h.* into hold from credits.holds as h where h.id = p_hold_id;
end
$$;

comment on function credits.lock_hold(uuid) is
'A hold as it stands once its account is locked. Raises 404 hold_not_found.';

create function public.capture_hold(
  hold_id uuid,
  amount numeric,
  description text default null,
  metadata jsonb default null,
  out entry_id bigint,
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
  entry_key constant text := 'capture:' || capture_hold.hold_id;
  locked record;
  hold credits.holds;
  funds credits.funds;
  entry credits.ledger_entries;
  posted credits.posted;
  notes text;
  noted jsonb;
begin
  select l.hold, l.funds into locked from credits.lock_hold(capture_hold.hold_id) as l;
  hold := locked.hold;
  funds := locked.funds;
  notes := coalesce(capture_hold.description, hold.description);
  noted := coalesce(capture_hold.metadata, hold.metadata);
  perform credits.check_posting(capture_hold.amount, entry_key, notes, noted);

  created := hold.status = 'open';
  if created then
    if capture_hold.amount > hold.amount then
      if not (select s.allow_capture_overrun from credits.settings as s) then
        perform credits.fail(
          409, 'capture_exceeds_hold', format('Only %s credits are held.', credits.shown(hold.amount)),
          'Capture at most what is held and spend the rest, or set allow_capture_overrun.'
        );
      end if;
      funds.held := funds.held - hold.amount;
      if funds.balance - funds.held < capture_hold.amount then
        perform credits.insufficient(funds, capture_hold.amount);
      end if;
    end if;
    perform credits.free_hold(hold, 'captured');
    posted := credits.post_entry(
      hold.user_id, 'spend', -capture_hold.amount, entry_key, notes,
      credits.draw(hold.user_id, capture_hold.amount, hold.created_at), p_metadata => noted
    );
  elsif hold.status = 'captured' then
    select e.* into strict entry
    from credits.ledger_entries as e
    where e.user_id = hold.user_id and e.key = entry_key;
    if (-entry.amount, entry.description, entry.metadata) is distinct from (capture_hold.amount, notes, noted) then
      perform credits.fail(409, 'hold_captured', 'The hold was captured with other arguments.');
    end if;
  elsif hold.status = 'released' then
    perform credits.fail(409, 'hold_released', 'The hold was released.', 'Use spend_credits for what was used.');
  else
    perform credits.fail(409, 'hold_expired', 'The hold has expired.', 'Use spend_credits for what was used.');
  end if;
  entry_id := coalesce(posted.entry_id, entry.id);
  balance := credits.shown(coalesce(posted.balance, entry.balance_after));
end
$$;

comment on function public.capture_hold(uuid, numeric, text, jsonb) is
'Takes what was used of a hold and frees the rest; it succeeds even if the payment behind the credits was taken back '
'meanwhile. description and metadata are the hold''s unless given. Again with the same arguments gives the same answer '
'(created is false). Errors: 400 invalid_argument, 402 insufficient_credits (only with allow_capture_overrun), '
'403 user_not_found, 404 hold_not_found, 409 capture_exceeds_hold or hold_captured or hold_released or hold_expired.';
