"""`python -m service` is the command `parley`."""

from service.cli import main

main()
