import socket
from decimal import Decimal
from urllib.parse import urlsplit

from service.event_types import WEBHOOK_PATH
from tests.image.container import wait_until
from tests.image.shop import Shop
from tests.listening import listens


def test_a_stop_lets_the_request_in_flight_finish(shop: Shop) -> None:
    before = shop.balance()
    body, signature = shop.webhook(shop.order())
    head = [
        f"POST {WEBHOOK_PATH} HTTP/1.1",
        f"Host: {urlsplit(shop.container.url).netloc}",
        f"Stripe-Signature: {signature}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Expect: 100-continue",
    ]
    with connect(shop.container.url) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode())
        # The service asks for the body: the request is in its hands.
        assert connection.recv(1024).startswith(b"HTTP/1.1 100 ")

        shop.container.engine.run("kill", "--signal=TERM", shop.container.name)
        wait_until(lambda: not listens(shop.container.url), shop.container.logs)
        assert shop.container.state["Status"] == "running"

        connection.sendall(body)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200 "), answer
    assert answer.endswith(b'{"success":true}'), answer
    wait_until(lambda: shop.container.state["Status"] == "exited", shop.container.logs)
    assert shop.container.state["ExitCode"] == 0
    assert shop.balance() == before + Decimal(5)


def connect(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=60)
