"""What Stripe charges at least, in the currency's major unit (its documentation, "Minimum charge amounts").

In currencies that are not listed the least depends on the account's own currency and the day's rate.
"""

from decimal import Decimal
from typing import Final

_LISTED: Final = """
    usd 0.50  aed 2.00   aud 0.50  bgn 1.00  brl 0.50  cad 0.50    chf 0.50  czk 15.00
    dkk 2.50  eur 0.50   gbp 0.30  hkd 4.00  huf 175   inr 0.50    jpy 50    mxn 10.00
    myr 2.00  nok 3.00   nzd 0.50  pln 2.00  ron 2.00  sek 3.00    sgd 0.50  thb 10.00
"""
_WORDS: Final = _LISTED.split()

MINIMUM: Final = dict(zip(_WORDS[::2], map(Decimal, _WORDS[1::2]), strict=True))
