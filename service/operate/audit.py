"""`topup audit`: proof that everything in the database adds up, or what does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
from rich.text import Text

from service.operate.tables import print_table
from service.terminal import make_console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from service.bookkeeping import AuditFinding

MEANING: Final = {
    "balance_is_not_the_sum_of_entries": "a balance is not the sum of its ledger entries",
    "balance_after_does_not_chain": "a ledger entry does not follow from the one before it",
    "entries_are_not_what_was_settled": "the entries of a purchase are not what was settled for it",
    "settled_is_not_the_entitlement": "a purchase was settled otherwise than its facts say",
    "facts_are_not_summed_up": "refunds or disputes are not summed up in their purchase",
    "lot_is_not_what_its_entries_left": "what is left of a lot is not what its entries left",
    "entry_is_not_the_sum_of_its_lots": "an entry moved other lots than it says",
    "spend_refunded_beyond_itself": "more of a spend was given back than was spent",
    "held_is_not_the_sum_of_open_holds": "what is held is not the sum of the open holds",
    "expiry_comes_before_it_is_due": "something expires before anybody looks after it",
    "captured_hold_without_its_spend": "a hold was captured without taking credits",
    "row_without_its_owner": "a row belongs to nobody",
    "event_applied_to_no_purchase": "an event was applied to a purchase that is not there",
    "event_failed": "an event could not be stored: `topup reconcile` tries it again",
}


def to_json(findings: Sequence[AuditFinding]) -> bytes:
    """{success, findings: [{finding, user_id, subject, detail}]}."""
    return msgspec.json.encode({"success": not findings, "findings": findings})


def print_findings(findings: Sequence[AuditFinding]) -> None:
    """What does not add up and what that means, or that all does."""
    console = make_console()
    if not findings:
        console.print(Text("All adds up: balances, ledger, purchases and events.", style="green"))
        return
    console.print(Text(f"{len(findings)} things do not add up:", style="bold red"))
    rows = [
        (
            MEANING.get(finding.finding, finding.finding),
            finding.subject,
            finding.detail or "",
            str(finding.user_id or "-"),
        )
        for finding in findings
    ]
    print_table(console, ("WHAT", "WHERE", "FIGURES", "USER"), rows)
