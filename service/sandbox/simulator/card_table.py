"""The cards of Stripe's testing page (docs.stripe.com/testing), by number and by name."""

from __future__ import annotations

from service.sandbox.simulator import declines
from service.sandbox.simulator.cards import Card

_BRANDS = (
    Card("4242424242424242", "visa", ("visa", "us")),
    Card("4000056655665556", "visa", ("visa_debit",), funding="debit"),
    Card("5555555555554444", "mastercard", ("mastercard",)),
    Card("2223003122003222", "mastercard"),
    Card("5200828282828210", "mastercard", ("mastercard_debit",), funding="debit"),
    Card("5105105105105100", "mastercard", ("mastercard_prepaid",), funding="prepaid"),
    Card(
        "378282246310005",
        "amex",
        ("amex", "amex_threeDSecureNotSupported"),
        three_d_secure="not_supported",
    ),
    Card("371449635398431", "amex", three_d_secure="not_supported"),
    Card("6011111111111117", "discover", ("discover",)),
    Card("6011000990139424", "discover"),
    Card("6011981111111113", "discover", ("discover_debit",), funding="debit"),
    Card("3056930009020004", "diners", ("diners",)),
    Card("36227206271667", "diners"),
    Card("3566002020360505", "jcb", ("jcb",), country="JP"),
    Card("6200000000000005", "unionpay", ("unionpay",), country="CN"),
    Card("6200000000000047", "unionpay", ("unionpay_debit",), country="CN", funding="debit"),
)

_COUNTRIES = {
    "AE": "4000007840000001", "AR": "4000000320000021", "AT": "4000000400000008", "AU": "4000000360000006",
    "BE": "4000000560000004", "BG": "4000001000000000", "BR": "4000000760000002", "BY": "4000001120000005",
    "CA": "4000001240000000", "CH": "4000007560000009", "CL": "4000001520000001", "CN": "4000001560000002",
    "CO": "4000001700000003", "CR": "4000001880000005", "CY": "4000001960000008", "CZ": "4000002030000002",
    "DE": "4000002760000016", "DK": "4000002080000001", "EC": "4000002180000000", "EE": "4000002330000009",
    "ES": "4000007240000007", "FI": "4000002460000001", "FR": "4000002500000003", "GB": "4000008260000000",
    "GI": "4000002920000005", "GR": "4000003000000030", "HK": "4000003440000004", "HR": "4000001910000009",
    "HU": "4000003480000005", "IE": "4000003720000005", "IN": "4000003560000008", "IT": "4000003800000008",
    "JP": "4000003920000003", "LI": "4000004380000004", "LT": "4000004400000000", "LU": "4000004420000006",
    "LV": "4000004280000005", "MT": "4000004700000007", "MX": "4000004840008001", "MY": "4000004580000002",
    "NL": "4000005280000002", "NO": "4000005780000007", "NZ": "4000005540000008", "PA": "4000005910000000",
    "PE": "4000006040000068", "PL": "4000006160000005", "PT": "4000006200000007", "PY": "4000006000000066",
    "RO": "4000006420000001", "SA": "4000006820000007", "SE": "4000007520000008", "SG": "4000007020000003",
    "SI": "4000007050000006", "SK": "4000007030000001", "TH": "4000007640000003", "TW": "4000001580000008",
    "UY": "4000008580000003",
}  # fmt: skip

_DECLINED = (
    Card(
        "4000000000000002",
        "visa",
        ("visa_chargeDeclined", "chargeDeclined"),
        decline=declines.GENERIC,
        attaches=False,
    ),
    Card(
        "4000000000009995",
        "visa",
        ("visa_chargeDeclinedInsufficientFunds", "chargeDeclinedInsufficientFunds"),
        decline=declines.INSUFFICIENT_FUNDS,
        attaches=False,
    ),
    Card(
        "4000000000009987",
        "visa",
        ("visa_chargeDeclinedLostCard",),
        decline=declines.LOST_CARD,
        attaches=False,
    ),
    Card(
        "4000000000009979",
        "visa",
        ("visa_chargeDeclinedStolenCard",),
        decline=declines.STOLEN_CARD,
        attaches=False,
    ),
    Card(
        "4000000000006975",
        "visa",
        ("visa_chargeDeclinedVelocityLimitExceeded",),
        decline=declines.VELOCITY,
        attaches=False,
    ),
    Card(
        "4000000000000069",
        "visa",
        ("chargeDeclinedExpiredCard",),
        decline=declines.EXPIRED,
        attaches=False,
    ),
    Card(
        "4000000000000127",
        "visa",
        ("chargeDeclinedIncorrectCvc",),
        decline=declines.INCORRECT_CVC,
        attaches=False,
        checks=(("cvc_check", "fail"),),
    ),
    Card(
        "4000000000000119",
        "visa",
        ("chargeDeclinedProcessingError",),
        decline=declines.PROCESSING_ERROR,
        attaches=False,
    ),
    Card("4000000000000341", "visa", ("chargeCustomerFail",), decline=declines.GENERIC),
    Card(
        "4100000000000019",
        "visa",
        ("radarBlock", "chargeDeclinedFraudulent"),
        decline=declines.FRAUDULENT,
        risk_level="highest",
    ),
    Card(
        "4000000000004954", "visa", ("riskLevelHighest",), decline=declines.FRAUDULENT, risk_level="highest"
    ),
)

_CHECKED = (
    Card("4000000000009235", "visa", ("riskLevelElevated",), risk_level="elevated"),
    Card("4000000000000101", "visa", ("cvcCheckFail",), checks=(("cvc_check", "fail"),)),
    Card("4000000000000036", "visa", ("avsZipFail",), checks=(("address_postal_code_check", "fail"),)),
    Card("4000000000000028", "visa", ("avsLine1Fail",), checks=(("address_line1_check", "fail"),)),
    Card(
        "4000000000000010",
        "visa",
        ("avsFail",),
        checks=(("address_line1_check", "fail"), ("address_postal_code_check", "fail")),
    ),
    Card(
        "4000000000000044",
        "visa",
        ("avsUnchecked",),
        checks=(("address_line1_check", "unavailable"), ("address_postal_code_check", "unavailable")),
    ),
    Card("4000000000000077", "visa", ("bypassPending",)),
)

_AFTERMATH = (
    Card("4000000000000259", "visa", ("createDispute",), dispute="fraudulent"),
    Card("4000000000002685", "visa", ("createDisputeProductNotReceived",), dispute="product_not_received"),
    Card("4000000000001976", "visa", ("createDisputeInquiry",), dispute="inquiry"),
    Card("4000000404000079", "visa", ("createMultipleDisputes",), dispute="multiple"),
    Card("4000000000007726", "visa", ("pendingRefund",), refund="pending_then_succeeds"),
    Card("4000000000005126", "visa", ("refundFail",), refund="succeeds_then_fails"),
)

_AUTHENTICATED = (
    Card(
        "4000002500003155",
        "visa",
        ("authenticationRequiredOnSetup",),
        three_d_secure="required_unless_set_up",
    ),
    Card("4000002760003184", "visa", ("authenticationRequired",), three_d_secure="required"),
    Card(
        "4000008260003178",
        "visa",
        ("authenticationRequiredChargeDeclinedInsufficientFunds",),
        three_d_secure="required",
        decline=declines.INSUFFICIENT_FUNDS,
    ),
    Card(
        "4000003800000446",
        "visa",
        ("authenticationRequiredSetupForOffSession",),
        three_d_secure="required_but_set_up",
    ),
    Card("4000000000003220", "visa", ("threeDSecure2Required",), three_d_secure="required"),
    Card("4000000000003063", "visa", ("threeDSecureRequired",), three_d_secure="required"),
    Card(
        "4000008400001629",
        "visa",
        ("threeDSecureRequiredChargeDeclined",),
        three_d_secure="required",
        decline=declines.GENERIC,
    ),
    Card("4000000000003055", "visa", ("threeDSecureOptional",), three_d_secure="optional"),
)

CARDS = (
    *_BRANDS,
    *(Card(number, "visa", (country.lower(),), country) for country, number in _COUNTRIES.items()),
    *_DECLINED,
    *_CHECKED,
    *_AFTERMATH,
    *_AUTHENTICATED,
)
_BY_NUMBER = {card.number: card for card in CARDS}
_BY_NAME = {
    f"{kind}_{alias}": card for card in CARDS for alias in card.aliases for kind in ("pm_card", "tok")
}


def card_by_number(number: str) -> Card | None:
    """The test card with these digits."""
    return _BY_NUMBER.get(number)


def card_by_name(name: str) -> Card | None:
    """The test card that `pm_card_visa`, `tok_visa` and the like stand for."""
    return _BY_NAME.get(name)
