import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.checkout import Order, parse_idempotency_key, parse_order
from service.errors import InvalidRequestError

PACKAGE = "5ca1ab1e-0000-4000-8000-000000000005"


def refusal(body: object, content_type: str = "application/json") -> InvalidRequestError:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(InvalidRequestError) as caught:
        parse_order(content_type, raw)
    return caught.value


@pytest.mark.parametrize("content_type", ["application/json", ""])
def test_an_order_names_a_package_and_perhaps_a_payment_method(content_type: str) -> None:
    def parse(**fields: object) -> Order:
        return parse_order(content_type, json.dumps(fields).encode())

    assert str(parse(creditPackageId=PACKAGE).package_id) == PACKAGE
    assert str(parse(creditPackageId=PACKAGE.upper()).package_id) == PACKAGE
    assert parse(creditPackageId=PACKAGE, paymentMethodId=None).payment_method_id is None
    assert parse(creditPackageId=PACKAGE, paymentMethodId="pm_card_visa").payment_method_id == "pm_card_visa"


@pytest.mark.parametrize("body", [{}, {"creditPackageId": None}, {"creditPackageId": ""}])
def test_without_a_package_the_contracts_words_are_used(body: object) -> None:
    error = refusal(body)
    assert (error.code, error.message) == ("package_id_required", "Credit package ID is required")


@pytest.mark.parametrize(
    "package_id",
    [
        5,
        True,
        [PACKAGE],
        {"id": PACKAGE},
        "small",
        PACKAGE + "\n",
        PACKAGE.replace("-", ""),
        f"{{{PACKAGE}}}",
        "\uff15",
    ],
)
def test_a_package_id_that_is_no_uuid_is_refused(package_id: object) -> None:
    assert refusal({"creditPackageId": package_id}).code == "package_id_malformed"


@pytest.mark.parametrize(
    "method", ["", "pm_", "card_1", "pm_card visa", "pm_é", "pm_" + "x" * 300, 1, ["pm_card_visa"]]
)
def test_a_payment_method_that_is_none_of_stripes_is_refused(method: object) -> None:
    assert refusal({"creditPackageId": PACKAGE, "paymentMethodId": method}).code == "payment_method_malformed"


def test_an_unknown_field_is_refused_by_its_name() -> None:
    """So that nobody believes that an amount sent by a client is ever looked at."""
    error = refusal({"creditPackageId": PACKAGE, "amount": 1})
    assert error.code == "unknown_field"
    assert "amount" in error.message
    assert len(refusal({"x" * 10_000: 1}).message) < 200


@pytest.mark.parametrize(
    "body", [b"", b"{", b"{'a':1}", b"\xff", b"[" * 100_000, b'{"creditPackageId": NaN}', b"{}x"]
)
def test_malformed_json_is_refused(body: bytes) -> None:
    assert refusal(body).code == "malformed_json"


@pytest.mark.parametrize("body", [[], "text", 1, None])
def test_json_that_is_no_object_is_refused(body: object) -> None:
    assert refusal(body).code == "no_object"


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp"]
)
def test_another_content_type_is_refused(content_type: str) -> None:
    assert refusal({"creditPackageId": PACKAGE}, content_type).code == "content_type"


@given(body=st.binary(max_size=200))
def test_any_body_is_an_order_or_a_refusal(body: bytes) -> None:
    with pytest.raises(InvalidRequestError):
        parse_order("application/json", body)


def test_an_idempotency_key_is_optional_and_given_once() -> None:
    assert parse_idempotency_key([]) is None
    assert parse_idempotency_key(["k"]) == "k"
    assert parse_idempotency_key(["~" * 255]) == "~" * 255
    for values in ([""], ["a b"], ["é"], ["x" * 256], ["a\tb"], ["a", "b"], ["a", "a"]):
        with pytest.raises(InvalidRequestError) as caught:
            parse_idempotency_key(values)
        assert caught.value.code == "idempotency_key_malformed"
