"""`python -m service` is the command `topup`."""

from service.cli import main

main()
