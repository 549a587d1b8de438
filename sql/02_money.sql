-- Stripe's currencies page: amounts are integers in the smallest unit that the API takes. The exponent is 2 but here.
create function credits.major_units(p_amount_minor bigint, p_currency text)
returns numeric
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return case
    when p_currency in (
      'bif', 'clp', 'djf', 'gnf', 'jpy', 'kmf', 'krw', 'mga', 'pyg', 'rwf', 'vnd', 'vuv', 'xaf', 'xof', 'xpf'
    ) then p_amount_minor::numeric
    when p_currency in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then p_amount_minor * 0.001
    else p_amount_minor * 0.01
  end;
end
$$;

comment on function credits.major_units(bigint, text) is
'Minor units as a decimal with the currency''s own number of places: 1500 usd is 15.00, 1500 jpy 1500, 1500 kwd 1.500.';

create function credits.is_chargeable(p_amount_minor bigint, p_currency text)
returns boolean
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return case
    when p_amount_minor not between 1 and case p_currency when 'idr' then 999999999999 else 99999999 end then false
    when p_currency in ('bhd', 'jod', 'kwd', 'omr', 'tnd') then p_amount_minor % 10 = 0
    when p_currency in ('isk', 'ugx') then p_amount_minor % 100 = 0
    else true
  end;
end
$$;

comment on function credits.is_chargeable(bigint, text) is
'Whether Stripe takes this amount: up to 8 digits (idr 12); three-decimal currencies end in 0, isk and ugx in 00.';

create function credits.shown(p_credits numeric)
returns numeric
language plpgsql
immutable
strict
parallel safe
set search_path = ''
as $$
begin
  return round(p_credits, greatest(2, min_scale(p_credits)));
end
$$;

comment on function credits.shown(numeric) is
'Credits as people read them: at least two decimals and no trailing zeros beyond, 25.500000 is 25.50.';
