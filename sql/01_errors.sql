create function credits.fail(p_status integer, p_code text, p_message text, p_hint text default null)
returns void
language plpgsql
set search_path = ''
as $$
begin
  raise exception using
    errcode = 'PT' || p_status,
    message = p_message,
    detail = p_code,
    hint = coalesce(p_hint, '');
end
$$;

comment on function credits.fail(integer, text, text, text) is
'Raises SQLSTATE PTxyz, which PostgREST answers as HTTP xyz. `details` is the stable code that clients test; the '
'message is for people and may change.';
