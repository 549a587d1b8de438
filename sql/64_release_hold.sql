create function public.release_hold(hold_id uuid, out status text, out released numeric)
language plpgsql
security definer -- service_role alone may execute it; it has no right to write the tables itself
set search_path = ''
set plan_cache_mode = force_generic_plan -- all goes by keys; planning anew takes longer than running it
as $$
#variable_conflict use_column
declare
  hold credits.holds;
begin
  select (l.hold).* into hold from credits.lock_hold(release_hold.hold_id) as l;
  released := 0.00;
  if hold.status = 'captured' then
    perform credits.fail(409, 'hold_captured', 'The hold was captured.', 'Give its entry back with refund_spend.');
  elsif hold.status = 'open' then
    perform credits.free_hold(hold, 'released');
    hold.status := 'released';
    released := credits.shown(hold.amount);
  end if;
  status := hold.status;
end
$$;

comment on function public.release_hold(uuid) is
'Gives back what was held. A hold that ended so before, or expired, changes nothing more: released is 0.00 then, '
'status released or expired. Errors: 403 user_not_found, 404 hold_not_found, 409 hold_captured.';
