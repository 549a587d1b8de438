import json
import re
from decimal import Decimal

from tests.image.container import wait_until
from tests.image.shop import Shop


def test_it_turns_healthy_on_a_read_only_file_system_as_a_plain_user(shop: Shop) -> None:
    shop.container.wait_until_healthy()
    assert shop.container.execute("id", "--user").strip() == "10001"
    processes = shop.container.engine.run("top", shop.container.name, "-eo", "pid,args").splitlines()[1:]
    assert [line.split()[1:] for line in processes] == [["/opt/topup/bin/python", "-m", "service.serve"]]


def test_the_doctor_in_the_image_finds_it_well(shop: Shop) -> None:
    report = json.loads(shop.container.execute("topup", "doctor", "--json"))
    assert report["success"], report


def test_a_payment_is_credited_by_the_webhook_that_stripe_sends(shop: Shop) -> None:
    before = shop.balance()
    intent = shop.order()
    shop.at_stripe(
        "POST",
        f"payment_intents/{intent['id']}/confirm",
        payment_method="pm_card_visa",
        return_url="https://a.example",
    )
    wait_until(lambda: shop.balance() == before + Decimal(5), shop.container.logs)


def test_every_module_is_loaded_from_bytecode(shop: Shop) -> None:
    shop.order()
    loaded = re.findall(r"^# code object from '?(\S+?)'?$", shop.container.logs(), re.MULTILINE)
    assert len(loaded) > 500
    assert not [path for path in loaded if not path.endswith(".pyc")]
