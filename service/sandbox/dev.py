"""`topup dev`: everything on this machine, until Ctrl-C."""

from __future__ import annotations

import json
import re
import secrets
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from rich.text import Text

from service import setting_values
from service.event_types import WEBHOOK_PATH
from service.sandbox.errors import SandboxError
from service.sandbox.interrupts import interruptible
from service.sandbox.node import PROJECT
from service.sandbox.page_server import PageConfig, serve_page
from service.sandbox.processes import bind
from service.sandbox.stack import HostedStripe, Ports, Stack, start_stack
from service.sandbox.steps import Step, Steps, install_parts
from service.settings import STRIPE_API_BASE, is_live
from service.terminal import make_console

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from rich.console import Console

DEFAULT_DATA: Final = PROJECT / ".topup"

_LOCAL_ORIGINS: Final = ",".join(
    f"http://{host}:{port}" for port in (3000, 5173, 8080) for host in ("localhost", "127.0.0.1")
)
"""Where the development servers of web frameworks are found; browsers there may call the service."""

_LOOK_SECONDS: Final = 0.5


def run_dev(  # noqa: PLR0913 - each is an option of the command
    ports: Ports, page_port: int, data: Path, env: Mapping[str, str], *, fresh: bool, as_json: bool
) -> None:
    """Start everything, show where it is, and stay until a signal asks to stop.

    Raises:
        SandboxError: Something cannot start, or ended while it should run.
    """
    stripe = choose_stripe(env)
    steps = Steps.shown(json=as_json)
    chosen = {name: value for name, value in env.items() if name.startswith("TOPUP_") and value}
    with interruptible(), ExitStack() as running:
        try:
            install_parts(steps)
            listener = running.enter_context(bind(page_port))
            page_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            origins = {"TOPUP_CORS_ORIGINS": f"{chosen.pop('TOPUP_CORS_ORIGINS', _LOCAL_ORIGINS)},{page_url}"}
            with steps.waiting("Starting"):
                starting = start_stack(
                    ports,
                    data=data,
                    fresh=fresh,
                    stripe=stripe,
                    settings={**chosen, **origins},
                    on_ready=lambda part, seconds: steps.add(Step(part, seconds)),
                )
                stack = running.enter_context(starting)
                running.enter_context(serve_page(listener, PageConfig.of(stack)))
            if as_json:
                print(json.dumps(describe(stack, page_url)), flush=True)  # noqa: T201 - the command's answer
            else:
                show(make_console(), stack, page_url, env)
            while True:
                stack.check()
                time.sleep(_LOOK_SECONDS)
        except KeyboardInterrupt:
            with steps.waiting("Stopping"):
                running.close()


def choose_stripe(env: Mapping[str, str]) -> HostedStripe | None:
    """Stripe itself if the environment holds a test key of it, else None, which is the simulator.

    Raises:
        SandboxError: The key is live, or something else.
    """
    key = env.get("STRIPE_SECRET_KEY", "").strip()
    if not key or env.get("STRIPE_API_BASE", "").strip() not in {"", STRIPE_API_BASE}:
        return None
    instead = "Give a test key (sk_test_…), or unset STRIPE_SECRET_KEY to use the simulator."
    if is_live(key):
        raise SandboxError(
            f"STRIPE_SECRET_KEY is a live key, and `topup dev` never moves real money. {instead}"
        )
    if not re.fullmatch(r"[sr]k_test_\w+", key, re.ASCII):
        raise SandboxError(f"STRIPE_SECRET_KEY is not a secret key of Stripe. {instead}")
    publishable = env.get("STRIPE_PUBLISHABLE_KEY", "").strip()
    if publishable and not re.fullmatch(r"pk_test_\w+", publishable, re.ASCII):
        raise SandboxError(
            "STRIPE_PUBLISHABLE_KEY is not the pk_test_… that Stripe shows beside the secret key."
        )
    secret = env.get("STRIPE_WEBHOOK_SECRET", "").strip()
    if not secret:
        # The service starts with no empty secret, so it gets one that nobody else knows.
        return HostedStripe(key, f"whsec_{secrets.token_hex(32)}", publishable)
    try:
        setting_values.webhook_secrets(secret)
    except ValueError as error:
        raise SandboxError(f"STRIPE_WEBHOOK_SECRET {error}: set it to what `stripe listen` prints.") from None
    return HostedStripe(key, secret, publishable)


def describe(stack: Stack, page_url: str) -> dict[str, str]:
    """The answer of `topup dev --json`."""
    return {
        "page_url": page_url,
        "supabase_url": stack.supabase.url,
        "publishable_key": stack.supabase.publishable_key,
        "secret_key": stack.supabase.secret_key,
        "database_url": stack.supabase.database_url,
        "service_url": stack.service_url,
        "stripe_url": stack.stripe.url,
        "stripe_js_url": stack.stripe.stripe_js_url,
        "stripe_publishable_key": stack.stripe.publishable_key,
        "stripe_secret_key": stack.stripe.secret_key,
        "webhook_secret": stack.webhook_secret,
    }


def show(console: Console, stack: Stack, page_url: str, env: Mapping[str, str]) -> None:
    """Addresses, keys, and what to try."""
    hosted = isinstance(stack.stripe, HostedStripe)
    has_secret = not hosted or bool(env.get("STRIPE_WEBHOOK_SECRET", "").strip())
    stripe_note = "Stripe's own, in test mode" if hosted else "the simulator; no money moves"
    _section(
        console,
        "Addresses",
        ("Page", page_url, "sign up, and buy with the card 4242 4242 4242 4242"),
        ("Service", stack.service_url, ""),
        ("Supabase", stack.supabase.url, ""),
        ("Postgres", stack.supabase.database_url, ""),
        ("Stripe", stack.stripe.url, stripe_note),
        ("Stripe.js", stack.stripe.stripe_js_url, ""),
    )
    _section(
        console,
        "Keys",
        ("Publishable", stack.supabase.publishable_key, ""),
        ("Secret", stack.supabase.secret_key, ""),
        ("Stripe publishable", stack.stripe.publishable_key or "set STRIPE_PUBLISHABLE_KEY=pk_test_…", ""),
        ("Stripe secret", stack.stripe.secret_key, ""),
        ("Webhook secret", stack.webhook_secret if has_secret else "see below", ""),
    )
    _section(
        console,
        "Try this, in another terminal",
        ("Is it ready?", f"curl {stack.service_url}/health/ready", ""),
        ("One purchase", "uv run topup demo", "on a stack of its own, step by step"),
        ("Your app", "service/sandbox/page", "the page: plain modules, short enough to copy"),
    )
    if hosted:
        _show_forwarding(console, stack, has_secret=has_secret)
    console.print(
        Text(f"\n Data and logs are kept in {stack.supabase.data_dir}; --fresh starts over.", "dim"),
        soft_wrap=True,
    )
    console.print(Text(" Ctrl-C stops everything.", "dim"))


def _show_forwarding(console: Console, stack: Stack, *, has_secret: bool) -> None:
    listen = f"stripe listen --forward-to {stack.service_url}{WEBHOOK_PATH}"
    steps = [("In another terminal, and leave it running:", listen)]
    if not has_secret:
        again = "STRIPE_WEBHOOK_SECRET=whsec_… uv run topup dev"
        steps.append(("Here, after Ctrl-C, with the secret that it prints:", again))
    console.print(Text("\n Payments turn into credits while Stripe's events are forwarded", style="bold"))
    for number, (what, command) in enumerate(steps, start=1):
        console.print(
            Text.assemble((f"   {number}.  {what}\n", "dim"), "       ", (command, "cyan")), soft_wrap=True
        )


def _section(console: Console, title: str, *rows: tuple[str, str, str]) -> None:
    console.print(Text(f"\n {title}", style="bold"))
    name_width = max(len(name) for name, _, _ in rows)
    value_width = max((len(value) for _, value, note in rows if note), default=0)
    for name, value, note in rows:
        line = Text.assemble((f"   {name:<{name_width}}  ", "dim"), (value, "cyan"))
        if note:
            line.append(f"{'':<{value_width - len(value)}}   {note}", style="dim")
        # Unbroken, so that a long address can be copied.
        console.print(line, soft_wrap=True)
