"""The command `parley`, and `python -m service`."""

from service.garbage import collect_seldom

collect_seldom()  # before all that is loaded from here on: to look through that took a fifth of the start
from service.cli import main  # noqa: E402 - see above

if __name__ == "__main__":
    main()
