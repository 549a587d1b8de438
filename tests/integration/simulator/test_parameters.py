from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.integration.simulator.payments import RETURN_URL

if TYPE_CHECKING:
    import httpx

INTENT = {"amount": "1500", "currency": "usd"}


@pytest.mark.parametrize(
    ("form", "code", "param", "message"),
    [
        (
            INTENT | {"payment_method_types[0]": "card"},
            "parameter_unknown",
            "payment_method_types",
            "Received unknown parameter: payment_method_types",
        ),
        (
            INTENT | {"colour": "red", "size": "7"},
            "parameter_unknown",
            "colour",
            "Received unknown parameters: colour, size",
        ),
        (
            INTENT | {"automatic_payment_methods[enabled]": "true", "automatic_payment_methods[all]": "1"},
            "parameter_unknown",
            "automatic_payment_methods[all]",
            "Received unknown parameter: automatic_payment_methods[all]",
        ),
        ({"currency": "usd"}, "parameter_missing", "amount", "Missing required param: amount."),
        (
            INTENT | {"automatic_payment_methods[allow_redirects]": "never"},
            "parameter_missing",
            "automatic_payment_methods[enabled]",
            "Missing required param: automatic_payment_methods[enabled].",
        ),
        (INTENT | {"amount": "15.00"}, "parameter_invalid_integer", "amount", "Invalid integer: 15.00"),
        (INTENT | {"confirm": "yes"}, None, "confirm", "Invalid boolean: yes"),
        (
            INTENT | {"capture_method": "later"},
            None,
            "capture_method",
            "Invalid capture_method: must be one of automatic, automatic_async, or manual",
        ),
        (INTENT | {"metadata": "x"}, None, "metadata", "Invalid hash"),
        (INTENT | {"shipping": "home"}, None, "shipping", "Invalid object"),
        (INTENT | {"expand": "customer"}, None, "expand", "Invalid array"),
        (INTENT | {"description[0]": "x"}, None, "description", "Invalid string: description"),
        (INTENT | {"customer": ""}, "parameter_invalid_empty", "customer", "You passed an empty string"),
        (INTENT | {"description": "x" * 5001}, None, "description", "must be at most 5000 characters"),
        (INTENT | {"metadata[a]": "x" * 501}, None, "metadata[a]", "Metadata values can have up to 500"),
        (INTENT | {f"metadata[{'k' * 41}]": "x"}, None, f"metadata[{'k' * 41}]", "Metadata keys can have"),
        (INTENT | {f"metadata[{n}]": "x" for n in range(51)}, None, "metadata", "up to 50 metadata keys"),
        (INTENT | {"receipt_email": "jenny"}, "email_invalid", "receipt_email", "Invalid email address"),
        (
            INTENT | {"transfer_data[destination]": "acct_1"},
            "simulator_unsupported",
            "transfer_data[destination]",
            "does not model the parameter transfer_data[destination]",
        ),
        (
            INTENT | {"payment_method_options[card][network]": "visa"},
            "simulator_unsupported",
            "payment_method_options[card][network]",
            "does not model",
        ),
    ],
)
def test_a_wrong_parameter_is_refused_as_stripe_words_it(
    http: httpx.Client, form: dict[str, str], code: str | None, param: str, message: str
) -> None:
    answer = http.post("/v1/payment_intents", data=form)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert (error["type"], error.get("code"), error["param"]) == ("invalid_request_error", code, param)
    assert message in error["message"]
    assert error.get("doc_url") == (code and f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"amount": 1500, "currency": "usd"}', "application/json"),
        (b"amount=1500&currency=usd", "text/plain"),
        (b"\xff\xfe=1", "application/x-www-form-urlencoded"),
        (b"amount[=1", "application/x-www-form-urlencoded"),
        (b"amount=1&amount[a]=2", "application/x-www-form-urlencoded"),
        (b"expand[]=a&expand[b]=c", "application/x-www-form-urlencoded"),
        (b"amount", "application/x-www-form-urlencoded"),
    ],
)
def test_a_body_that_is_no_form_is_refused(http: httpx.Client, body: bytes, content_type: str) -> None:
    answer = http.post("/v1/payment_intents", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == 400
    assert (
        "check that your POST content type is application/x-www-form-urlencoded"
        in (answer.json()["error"]["message"])
    )


@pytest.mark.parametrize(
    "arrays",
    [
        {"expand[0]": "latest_charge", "expand[1]": "payment_method"},
        {"expand[]": ["latest_charge", "payment_method"]},
        {"expand[7]": "latest_charge", "expand[2]": "payment_method"},
    ],
)
def test_arrays_come_with_indexes_or_without(http: httpx.Client, arrays: dict[str, object]) -> None:
    form: dict[str, object] = {
        **INTENT,
        "confirm": "true",
        "payment_method": "pm_card_visa",
        "return_url": RETURN_URL,
        **arrays,
    }
    answer = http.post("/v1/payment_intents", data=form).json()
    assert answer["latest_charge"]["object"] == "charge"
    assert answer["payment_method"]["object"] == "payment_method"


def test_a_key_of_metadata_may_be_a_number(http: httpx.Client) -> None:
    answer = http.post("/v1/payment_intents", data=INTENT | {"metadata[0]": "first", "metadata[9]": "tenth"})
    assert answer.json()["metadata"] == {"0": "first", "9": "tenth"}


def test_parameters_of_a_read_are_checked_too(http: httpx.Client) -> None:
    answer = http.get("/v1/payment_intents", params={"status": "succeeded"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "parameter_unknown")
