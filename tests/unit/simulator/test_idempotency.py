from __future__ import annotations

import time

import pytest

from service.sandbox.simulator.errors import StripeError
from service.sandbox.simulator.idempotency import IdempotencyKeys, SavedAnswer

ANSWER = SavedAnswer(200, b"{}", "req_1")
PATH = "POST /v1/customers"


def test_a_key_is_free_again_after_24_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = IdempotencyKeys()
    assert keys.begin("k", PATH, {"a": "1"}) is None
    keys.finish("k", ANSWER)
    begun = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: begun + 24 * 3600 - 60)
    assert keys.begin("k", PATH, {"a": "1"}) is ANSWER
    monkeypatch.setattr(time, "monotonic", lambda: begun + 24 * 3600 + 60)
    assert keys.begin("k", PATH, {"a": "2"}) is None


def test_a_forgotten_key_takes_other_parameters() -> None:
    keys = IdempotencyKeys()
    keys.begin("k", PATH, {"a": "1"})
    with pytest.raises(StripeError) as busy:
        keys.begin("k", PATH, {"a": "1"})
    assert busy.value.status == 409
    keys.forget("k")
    assert keys.begin("k", PATH, {"a": "2"}) is None
