from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import stripe as sdk

from tests.integration.simulator.conftest import make_client
from tests.integration.simulator.payments import RETURN_URL, latest_event, types_since

if TYPE_CHECKING:
    import httpx
    from stripe import StripeClient

    from service.sandbox.simulator import LocalStripe

INTENT = {"amount": "1500", "currency": "usd", "metadata[order]": "7"}


def post(http: httpx.Client, key: str, path: str = "/v1/payment_intents", **data: str) -> httpx.Response:
    return http.post(path, data=data or INTENT, headers={"Idempotency-Key": key})


def test_the_same_request_again_gets_the_same_answer(client: StripeClient, http: httpx.Client) -> None:
    before = latest_event(client)
    first, second = post(http, "again-1"), post(http, "again-1")
    assert first.status_code == second.status_code == 200
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["original-request"] == first.headers["request-id"]
    assert second.headers["request-id"] != first.headers["request-id"]
    assert second.headers["idempotency-key"] == "again-1"
    assert types_since(client, before) == ["payment_intent.created"]


def test_the_answer_is_kept_as_it_was(client: StripeClient, http: httpx.Client) -> None:
    first = post(http, "kept-1")
    client.v1.payment_intents.cancel(first.json()["id"])
    assert post(http, "kept-1").json()["status"] == "requires_payment_method"


def test_other_parameters_under_the_same_key_are_refused(http: httpx.Client) -> None:
    post(http, "other-1")
    answer = post(http, "other-1", amount="1501", currency="usd")
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "idempotency_error")
    assert "same parameters" in error["message"]


def test_another_endpoint_under_the_same_key_is_refused(http: httpx.Client) -> None:
    post(http, "endpoint-1")
    answer = post(http, "endpoint-1", "/v1/customers", email="jenny@example.com")
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "idempotency_error")


def test_the_order_of_the_parameters_makes_no_difference(http: httpx.Client) -> None:
    first = post(http, "order-1", amount="1500", currency="usd")
    second = post(http, "order-1", currency="usd", amount="1500")
    assert first.json()["id"] == second.json()["id"]


def test_a_request_that_failed_its_checks_does_not_use_up_its_key(http: httpx.Client) -> None:
    assert post(http, "checks-1", amount="abc", currency="usd").status_code == 400
    assert post(http, "checks-1", amount="1", currency="usd").status_code == 400
    assert post(http, "checks-1", amount="1500", currency="usd").status_code == 200


def test_a_decline_is_remembered(client: StripeClient, http: httpx.Client) -> None:
    form = {
        "amount": "1500",
        "currency": "usd",
        "confirm": "true",
        "payment_method": "pm_card_chargeDeclined",
        "return_url": RETURN_URL,
    }
    first = post(http, "decline-1", **form)
    before = latest_event(client)
    second = post(http, "decline-1", **form)
    assert first.status_code == second.status_code == 402
    assert first.content == second.content
    assert second.headers["idempotent-replayed"] == "true"
    assert types_since(client, before) == []


def test_a_key_of_a_request_in_progress_is_409(
    simulator: LocalStripe, client: StripeClient, http: httpx.Client
) -> None:
    before = latest_event(client)
    simulator.add_fault("slow", seconds=3600, path="/v1/payment_intents")
    with ThreadPoolExecutor(1) as elsewhere:
        first = elsewhere.submit(post, http, "busy-1")
        deadline = time.monotonic() + 60
        while simulator.faults():
            assert time.monotonic() < deadline
        second = post(http, "busy-1")
        simulator.clear_faults()
        assert first.result(60).status_code == 200
    assert (second.status_code, second.json()["error"]["code"]) == (409, "idempotency_key_in_use")
    assert post(http, "busy-1").content == first.result().content
    assert types_since(client, before) == ["payment_intent.created"]


@pytest.mark.parametrize("path", ["/v1/payment_intents/pi_none", "/v1/customers/cus_none"])
def test_keys_mean_nothing_to_reads(http: httpx.Client, path: str) -> None:
    headers = {"Idempotency-Key": "read-1"}
    assert http.get(path, headers=headers).status_code == 404
    assert "idempotent-replayed" not in http.get(path, headers=headers).headers


def test_a_key_longer_than_255_characters_is_refused(http: httpx.Client) -> None:
    assert post(http, "k" * 255).status_code == 200
    assert post(http, "k" * 256).status_code == 400


def test_an_answer_lost_on_the_way_is_found_by_the_sdks_retry(
    simulator: LocalStripe, client: StripeClient
) -> None:
    before = latest_event(client)
    simulator.add_fault("lose_answer", path="/v1/payment_intents", method="POST")
    intent = make_client(simulator, retries=2).v1.payment_intents.create({"amount": 1500, "currency": "usd"})
    assert intent.last_response is not None
    assert intent.last_response.headers["Idempotent-Replayed"] == "true"
    assert types_since(client, before) == ["payment_intent.created"]


def test_a_crash_after_the_work_is_remembered_as_500(simulator: LocalStripe, client: StripeClient) -> None:
    before = latest_event(client)
    simulator.add_fault("crash", path="/v1/payment_intents")
    options: Any = {"idempotency_key": "crash-1"}
    for _ in range(2):
        with pytest.raises(sdk.APIError) as crash:
            client.v1.payment_intents.create({"amount": 1500, "currency": "usd"}, options)
        assert crash.value.http_status == 500
    assert types_since(client, before) == ["payment_intent.created"]


@pytest.mark.parametrize(
    ("status", "error"), [(429, sdk.RateLimitError), (503, sdk.APIError), (500, sdk.APIError)]
)
def test_a_refused_request_leaves_no_trace(
    simulator: LocalStripe, client: StripeClient, status: int, error: type[Exception]
) -> None:
    before = latest_event(client)
    simulator.add_fault("refuse", status=status, path="/v1/payment_intents")
    options: Any = {"idempotency_key": f"refused-{status}"}
    with pytest.raises(error):
        client.v1.payment_intents.create({"amount": 1500, "currency": "usd"}, options)
    assert types_since(client, before) == []
    assert client.v1.payment_intents.create({"amount": 1500, "currency": "usd"}, options).amount == 1500
