from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import stripe as sdk

from tests.integration.simulator.payments import pay

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from stripe import StripeClient


@pytest.fixture
def customer_with_five(client: StripeClient) -> tuple[str, list[str]]:
    """A customer and their five PaymentIntents, newest first."""
    customer = client.v1.customers.create()
    made = [
        client.v1.payment_intents.create({"amount": 1000 + n, "currency": "usd", "customer": customer.id}).id
        for n in range(5)
    ]
    return customer.id, made[::-1]


def test_a_list_is_newest_first_and_says_whether_there_is_more(
    client: StripeClient, customer_with_five: tuple[str, list[str]]
) -> None:
    customer, intents = customer_with_five
    page = client.v1.payment_intents.list({"customer": customer, "limit": 3})
    assert ([each.id for each in page.data], page.has_more) == (intents[:3], True)
    rest = client.v1.payment_intents.list({"customer": customer, "limit": 3, "starting_after": intents[2]})
    assert ([each.id for each in rest.data], rest.has_more) == (intents[3:], False)
    back = client.v1.payment_intents.list({"customer": customer, "limit": 2, "ending_before": intents[3]})
    assert ([each.id for each in back.data], back.has_more) == (intents[1:3], True)


def test_the_sdk_pages_through_all(client: StripeClient, customer_with_five: tuple[str, list[str]]) -> None:
    customer, intents = customer_with_five
    pages = client.v1.payment_intents.list({"customer": customer, "limit": 2})
    assert [each.id for each in pages.auto_paging_iter()] == intents


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"starting_after": "pi_none"}, "starting_after"),
        ({"ending_before": "pi_none"}, "ending_before"),
        ({"starting_after": "pi_none", "ending_before": "pi_none"}, "ending_before"),
        ({"created": {"after": 1}}, "created[after]"),
        ({"created": "yesterday"}, "created"),
    ],
)
def test_a_page_that_cannot_be_is_refused(client: StripeClient, params: dict[str, Any], param: str) -> None:
    wrong: Any = params
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.payment_intents.list(wrong)
    assert refusal.value.param == param


def test_a_list_holds_ten_unless_told_otherwise(client: StripeClient) -> None:
    customer = client.v1.customers.create()
    for _ in range(11):
        client.v1.payment_intents.create({"amount": 1000, "currency": "usd", "customer": customer.id})
    assert len(client.v1.payment_intents.list({"customer": customer.id}).data) == 10


def test_lists_filter_by_the_time_of_creation(client: StripeClient) -> None:
    intent = pay(client)
    ranges: list[tuple[Any, bool]] = [
        (intent.created, True),
        (intent.created - 1, False),
        ({"gte": intent.created, "lte": intent.created}, True),
        ({"gt": intent.created - 1, "lt": intent.created + 1}, True),
        ({"gt": intent.created}, False),
        ({"lt": intent.created}, False),
    ]
    for created, found in ranges:
        listed = client.v1.payment_intents.list({"created": created, "limit": 100}).auto_paging_iter()
        assert (intent.id in {each.id for each in listed}) is found, created


def test_events_filter_by_type_types_and_wildcards(client: StripeClient) -> None:
    start = int(time.time())
    pay(client)

    def types(**filters: Any) -> set[str]:
        params: Any = {"created": {"gte": start}, "limit": 100, **filters}
        return {event.type for event in client.v1.events.list(params).data}

    assert types(type="payment_intent.succeeded") == {"payment_intent.succeeded"}
    assert types(type="payment_intent.*") >= {"payment_intent.created", "payment_intent.succeeded"}
    assert not any(name.startswith("charge") for name in types(type="payment_intent.*"))
    assert types(types=["charge.succeeded", "payment_intent.created"]) == {
        "charge.succeeded",
        "payment_intent.created",
    }
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        types(type="charge.succeeded", types=["charge.succeeded"])
    assert refusal.value.code == "parameters_exclusive"


def test_each_list_filters_by_what_its_objects_belong_to(client: StripeClient) -> None:
    customer = client.v1.customers.create({"email": "list@example.com"})
    mine, other = pay(client, customer=customer.id), pay(client)
    refund = client.v1.refunds.create({"payment_intent": mine.id, "amount": 100})
    client.v1.refunds.create({"payment_intent": other.id, "amount": 100})
    lists: list[tuple[Callable[[], Any], list[Any]]] = [
        (lambda: client.v1.charges.list({"payment_intent": mine.id}), [mine.latest_charge]),
        (lambda: client.v1.charges.list({"customer": customer.id}), [mine.latest_charge]),
        (lambda: client.v1.refunds.list({"payment_intent": mine.id}), [refund.id]),
        (lambda: client.v1.refunds.list({"charge": str(mine.latest_charge)}), [refund.id]),
        (lambda: client.v1.customers.list({"email": "list@example.com"}), [customer.id]),
        (lambda: client.v1.balance_transactions.list({"source": refund.id}), [refund.balance_transaction]),
    ]
    for fetch, expected in lists:
        assert [each.id for each in fetch().data] == expected


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("metadata['tag']:'{tag}' AND status:'succeeded'", {"paid"}),
        ("metadata['tag']:'{tag}' AND -status:'succeeded'", {"open"}),
        ('metadata["tag"]:"{tag}" amount>1000', {"open"}),
        ("metadata['tag']:'{tag}' AND amount<=1000", {"paid"}),
        ("metadata['tag']:'{tag}' AND customer:'nobody'", set()),
        ("metadata['tag']:'{tag}' AND customer:null", {"paid", "open"}),
        ("metadata['tag']~'{part}'", {"paid", "open"}),
        ("metadata['tag']:'{part}'", set()),
        ("metadata['tag']:'{tag}' OR metadata['other']:'x'", {"paid", "open"}),
    ],
)
def test_a_search_finds_by_metadata_and_fields(client: StripeClient, query: str, found: set[str]) -> None:
    tag = f"tag-{time.monotonic_ns()}"
    paid = pay(client, metadata={"tag": tag, "name": "paid"})
    open_ = client.v1.payment_intents.create(
        {"amount": 2000, "currency": "usd", "metadata": {"tag": tag, "name": "open"}}
    )
    result = client.v1.payment_intents.search({"query": query.format(tag=tag, part=tag[2:])})
    names = {paid.id: "paid", open_.id: "open"}
    assert {names[each.id] for each in result.data} == found
    assert result.has_more is False


def test_a_search_pages(client: StripeClient) -> None:
    tag = f"tag-{time.monotonic_ns()}"
    made = [
        client.v1.payment_intents.create({"amount": 1000, "currency": "usd", "metadata": {"tag": tag}}).id
        for _ in range(5)
    ]
    pages = client.v1.payment_intents.search({"query": f"metadata['tag']:'{tag}'", "limit": 2})
    assert pages.has_more is True
    assert [each.id for each in pages.auto_paging_iter()] == made[::-1]


@pytest.mark.parametrize(
    "query",
    [
        "metadata['tag']",
        "colour:'red'",
        "status>'succeeded'",
        "amount~'1'",
        "amount:'many'",
        "metadata:'x'",
        "status['x']:'y'",
        "status:'a' AND amount:1 OR amount:2",
        "status:'succeeded' AND",
    ],
)
def test_a_query_that_cannot_be_read_is_refused(client: StripeClient, query: str) -> None:
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.payment_intents.search({"query": query})
    assert refusal.value.param == "query"


def test_ids_are_replaced_by_their_objects_on_request(client: StripeClient) -> None:
    customer = client.v1.customers.create({"email": "jenny@example.com"})
    intent = pay(
        client,
        customer=customer.id,
        expand=["customer", "payment_method", "latest_charge.balance_transaction"],
    )
    assert isinstance(intent.customer, sdk.Customer)
    assert intent.customer.email == "jenny@example.com"
    assert isinstance(intent.payment_method, sdk.PaymentMethod)
    assert isinstance(intent.latest_charge, sdk.Charge)
    assert isinstance(intent.latest_charge.balance_transaction, sdk.BalanceTransaction)
    assert intent.latest_charge.balance_transaction.net == 1000 - 59
    listed = client.v1.charges.list({"payment_intent": intent.id, "expand": ["data.payment_intent"]}).data
    assert isinstance(listed[0].payment_intent, sdk.PaymentIntent)
    assert client.v1.payment_intents.retrieve(intent.id).customer == customer.id


@pytest.mark.parametrize(
    "path",
    ["amount", "charges", "latest_charge.amount", "customer.email", "a.b.c.d.e", "data.customer"],
)
def test_what_cannot_be_expanded_is_refused_before_anything_happens(client: StripeClient, path: str) -> None:
    newest = client.v1.events.list({"limit": 1}).data[0].id
    with pytest.raises(sdk.InvalidRequestError) as refusal:
        client.v1.payment_intents.create({"amount": 1000, "currency": "usd", "expand": [path]})
    assert refusal.value.param == "expand"
    assert client.v1.events.list({"limit": 1}).data[0].id == newest


def test_in_a_list_the_path_begins_with_data(client: StripeClient, http: httpx.Client) -> None:
    pay(client)
    answer = http.get("/v1/payment_intents", params={"expand[]": "customer"})
    assert answer.status_code == 400
    assert "data.customer" in answer.json()["error"]["message"]
