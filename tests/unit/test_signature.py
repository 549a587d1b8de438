"""The SDK's own verification is the oracle: nothing that it refuses may pass here."""

import hmac
import time

import pytest
import stripe
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.signature import TOLERANCE, InvalidSignatureError, verify_signature

SECRET = "whsec_0123456789abcdef0123456789abcdef"
OTHER_SECRET = "whsec_fedcba9876543210fedcba9876543210"
NOW = 1_700_000_000
BODY = b'{"id":"evt_1","object":"event"}'

secrets = st.sampled_from([SECRET, OTHER_SECRET])
bodies = st.one_of(
    st.binary(max_size=400),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.just(BODY),
)
timestamps = st.one_of(
    st.just(NOW),
    st.integers(NOW - TOLERANCE - 3, NOW + TOLERANCE + 3),
    st.integers(-(10**20), 10**20),
)


def sign(body: bytes, secret: str = SECRET, timestamp: object = NOW) -> bytes:
    """The v1 signature, as hex, of what the header's timestamp says, whatever it says."""
    signed = str(timestamp).encode() + b"." + body
    return hmac.digest(secret.encode(), signed, "sha256").hex().encode()


def header(body: bytes, secret: str = SECRET, timestamp: object = NOW) -> bytes:
    return b"t=%s,v1=%s" % (str(timestamp).encode(), sign(body, secret, timestamp))


def accepted(headers: list[bytes], body: bytes, *accepting: str, now: float = NOW) -> bool:
    try:
        verify_signature(headers, body, [secret.encode() for secret in accepting or (SECRET,)], now)
    except InvalidSignatureError:
        return False
    return True


def accepted_by_sdk(value: bytes, body: bytes, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the SDK accepts it at NOW. It raises other errors too on hostile input."""
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: NOW)
        try:
            stripe.WebhookSignature.verify_header(body, value.decode("latin-1"), SECRET, TOLERANCE)
        except (stripe.SignatureVerificationError, TypeError, ValueError):
            return False
    return True


odd_timestamps = st.sampled_from(
    ["", "+5", f" {NOW}", f"+{NOW}", f"0{NOW}", "1_700_000_000", "\uff10", "nan"]
)


@st.composite
def hostile_headers(draw: st.DrawFn, body: bytes) -> bytes:
    """Headers near to a good one: parts missing, doubled, misspelt, reordered, or of another secret."""
    timestamp = draw(st.one_of(st.just(NOW), st.just(NOW), timestamps, odd_timestamps))
    good = sign(body, draw(secrets), timestamp)
    parts = st.one_of(
        timestamps.map(lambda other: b"t=%d" % other),
        st.sampled_from([b"v0=", b"v1=", b" v1=", b"V1="]).map(lambda scheme: scheme + good),
        st.sampled_from([good.upper(), good[:-1], good + b"=x", sign(b"", SECRET)]).map(
            lambda v1: b"v1=" + v1
        ),
        st.sampled_from([b"", b"=", b"t", b"v1", b"t=", b"v1=", b"T=1", b"\xff=\xff", b"v1=\xe9", b"\0"]),
        st.binary(max_size=12),
    )
    pair = [b"t=" + str(timestamp).encode(), b"v1=" + good]
    kept = draw(st.sampled_from([pair, pair, pair, pair[:1], pair[1:]]))
    return b",".join(draw(st.permutations(kept + draw(st.lists(parts, max_size=3)))))


def test_a_header_made_by_the_sdk_is_accepted() -> None:
    value = stripe.WebhookSignature.generate_signature_header(BODY.decode(), SECRET, NOW)
    assert accepted([value.encode()], BODY)


@given(body=bodies, timestamp=timestamps, secret=secrets)
@settings(max_examples=1000)
def test_a_well_formed_header_is_accepted_exactly_when_secret_and_time_are_right(
    body: bytes, timestamp: int, secret: str
) -> None:
    good = secret == SECRET and abs(timestamp - NOW) <= TOLERANCE
    assert accepted([header(body, secret, timestamp)], body) is good


@pytest.mark.slow
@given(data=st.data(), body=bodies)
@settings(max_examples=1500)
def test_nothing_passes_that_the_sdk_refuses(data: st.DataObject, body: bytes) -> None:
    value = data.draw(hostile_headers(body))
    if accepted([value], body):
        with pytest.MonkeyPatch.context() as patch:
            by_sdk = accepted_by_sdk(value, body, patch)
        assert by_sdk or not is_utf8(body), "the SDK reads text alone; our JSON decoder refuses other bodies"


@given(body=st.text(max_size=200).map(str.encode), extra=st.lists(st.binary(max_size=8), max_size=3))
@settings(max_examples=1000)
def test_what_stripe_may_send_passes_as_it_does_in_the_sdk(body: bytes, extra: list[bytes]) -> None:
    """Signatures of a second secret and of other schemes stand beside ours, as during a rotation."""
    others = [b"v0=" + item.hex().encode() for item in extra] + [b"v1=" + sign(body, OTHER_SECRET)]
    value = b",".join([b"t=%d" % NOW, *others, b"v1=" + sign(body)])
    with pytest.MonkeyPatch.context() as patch:
        assert accepted_by_sdk(value, body, patch)
    assert accepted([value], body)


@given(body=st.binary(min_size=1, max_size=200), position=st.integers(0), bit=st.integers(0, 7))
@settings(max_examples=1000)
def test_one_flipped_bit_of_the_body_is_enough_to_refuse_it(body: bytes, position: int, bit: int) -> None:
    tampered = bytearray(body)
    tampered[position % len(body)] ^= 1 << bit
    assert not accepted([header(body)], bytes(tampered))


@given(value=st.binary(max_size=300))
@example(b"")
@example(b"t=1,v1=")
@example(b"t=99999999999999999999999999,v1=00")
@example(b"," * 5000)
@settings(max_examples=1000)
def test_a_hostile_header_is_refused_and_never_an_error(value: bytes) -> None:
    assert not accepted([value], BODY)


@pytest.mark.parametrize("age", [TOLERANCE, 0, -TOLERANCE])
def test_the_tolerance_holds_in_both_directions(age: int) -> None:
    assert accepted([header(BODY)], BODY, now=NOW + age)


@pytest.mark.parametrize("age", [TOLERANCE + 1, -TOLERANCE - 1, 10**9, -(10**9)])
def test_old_and_future_timestamps_are_refused(age: int) -> None:
    assert not accepted([header(BODY)], BODY, now=NOW + age)


def test_while_secrets_rotate_either_is_accepted() -> None:
    assert accepted([header(BODY, OTHER_SECRET)], BODY, SECRET, OTHER_SECRET)
    assert accepted([header(BODY, SECRET)], BODY, SECRET, OTHER_SECRET)
    assert not accepted([header(BODY, OTHER_SECRET)], BODY, SECRET)


def test_no_header_and_several_headers_are_refused() -> None:
    assert not accepted([], BODY)
    assert not accepted([header(BODY), header(BODY)], BODY)
    assert not accepted([header(BODY), b""], BODY)


def test_an_endless_header_is_refused_even_if_it_holds_the_signature() -> None:
    assert not accepted([header(BODY) + b",v0=00" * 1000], BODY)


def test_a_header_outside_ascii_is_refused_even_if_it_holds_the_signature() -> None:
    assert not accepted([b"v1=\xe9," + header(BODY)], BODY)
    assert not accepted([header(BODY) + b",v2=\xc3\xa9"], BODY)


def test_a_second_timestamp_is_refused() -> None:
    assert not accepted([b"t=%d," % NOW + header(BODY)], BODY)


def test_a_timestamp_that_only_python_reads_is_refused() -> None:
    """The SDK's int() takes these, and signs another text than the one that stands in the header."""
    for written in ("+%d", " %d", "0%d"):
        assert not accepted([header(BODY, timestamp=written % NOW)], BODY)


def is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True
