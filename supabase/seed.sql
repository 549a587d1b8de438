-- Three packages to start with; edit them, or retire one with is_active = false.
insert into credits.packages (id, name, description, amount_minor, currency, credits, sort_order)
values
('5ca1ab1e-0000-4000-8000-000000000005', 'Small Package', 'Perfect for light usage', 500, 'usd', 5, 1),
('5ca1ab1e-0000-4000-8000-000000000015', 'Medium Package', 'For everyday work', 1500, 'usd', 15, 2),
('5ca1ab1e-0000-4000-8000-000000000050', 'Large Package', 'For teams and heavy use', 5000, 'usd', 50, 3)
on conflict (id) do nothing;
