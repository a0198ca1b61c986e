"""Logging with structlog, configured once: events with key-values on stderr, for people or as JSON lines."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TextIO

import msgspec
import structlog
from structlog.tracebacks import ExceptionDictTransformer

from service.beside import Beside

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping, Sequence

    from structlog.typing import Processor

LINES_MAX: Final = 10_000
"""Lines that may wait to be written; those above it are left out, and counted in a line of its own."""
GATHER_SECONDS: Final = 0.02
"""Between two writes lines gather for so long."""
MICROS: Final = 1_000_000

# Local variables contain what clients sent, and may contain secrets: tracebacks leave them out.
_TRACEBACKS = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))


class Lines:
    """A file whose writers do not wait: a thread writes what they hand over, soon."""

    def __init__(self, file: TextIO, form: str, clock: Callable[[], int]) -> None:
        """Write to `file`, in the order of the calls.

        `form` is that of the lines, `console` or `json`; `clock` returns microseconds since 1970 UTC.
        """
        self._file, self._form, self._clock = file, access_form(form), clock
        self._beside: Beside[str | Callable[[], str]] = Beside("log", self._write_out, LINES_MAX, GATHER_SECONDS)

    def write(self, text: str) -> None:
        """Take a text that ends its line."""
        self._beside.give(text)

    def make(self, texts: Callable[[], str], count: int) -> None:
        """Take what makes so many lines: the thread calls it."""
        self._beside.give(texts, count)

    def flush(self) -> None:
        """Return at once: the thread does not wait for it."""

    def close(self) -> None:
        """Write what waits, for a second at most."""
        self._beside.close()

    def _write_out(self, taken: Sequence[str | Callable[[], str]], left_out: int) -> tuple[()]:
        texts = [each if isinstance(each, str) else each() for each in taken]
        if left_out:
            at = stamp(self._clock())
            texts.append(self._form("log.left_out", timestamp=at, level="warning", lines=left_out))
        with suppress(OSError, ValueError):  # nobody reads the log any more: the service is there for others
            self._file.write("".join(texts))
            self._file.flush()
        return ()


def configure(level: str, form: str, file: TextIO | Lines | None = None) -> None:
    """Log from `level` on, in the form `console` or `json`; libraries' loggers write the same way, from WARNING on.

    `file` is where to: stderr when absent.
    """
    out: Any = file or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Processor] = (
        [_TRACEBACKS, structlog.processors.JSONRenderer()]
        if form == "json"
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(out),
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer], foreign_pre_chain=shared
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(logging.getLevelNamesMapping()[level], logging.WARNING))


def shows_info(level: str) -> bool:
    """Return whether lines of the level INFO are written at this one."""
    return logging.getLevelNamesMapping()[level] <= logging.INFO


def access_form(form: str) -> Callable[..., str]:
    """Return what makes the text of an access line, in the form `console` or `json`, of its event and its members.

    They are many: one takes 4 µs, in place of 20 with the processors of `configure`. It ends its line.
    """
    logger = structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[_as_json if form == "json" else _as_text],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    return logger.bind().info  # type: ignore[no-any-return]


def stamp(micros: int) -> str:
    """Write an instant, in microseconds since 1970 UTC, as the lines have it."""
    second, fraction = divmod(micros, MICROS)
    return f"{_second(second)}.{fraction:06}Z"


@lru_cache(maxsize=8)
def _second(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"


def _as_json(_: object, __: str, members: MutableMapping[str, Any]) -> str:
    return _encode(members).decode() + "\n"


def _as_text(_: object, __: str, members: MutableMapping[str, Any]) -> str:
    at, level, event = members.pop("timestamp"), members.pop("level"), members.pop("event")
    # A name of a key is whatever its maker wrote: what is no plain word is quoted as in JSON.
    written = [f"{name}={_word(value)}" for name, value in members.items() if value is not None]
    return f"{at} [{level:<9}] {event:<30} {' '.join(written)}\n"


def _word(value: object) -> object:
    return value if not isinstance(value, str) or _is_plain(value) else _encode(value).decode()


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and not _QUOTED.intersection(text)


_QUOTED = frozenset(' "=\\')
_encode = msgspec.json.Encoder().encode
