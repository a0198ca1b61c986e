"""Logging with structlog, configured once: events with key-values on stderr, for people or as JSON lines."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import deque
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TextIO

import msgspec
import structlog
from structlog.tracebacks import ExceptionDictTransformer

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from structlog.typing import Processor

LINES_MAX: Final = 10_000
"""Lines that may wait to be written; those above it are left out, and counted in the next line."""
GATHER_SECONDS: Final = 0.02
"""Between two writes lines gather for so long."""
CLOSE_SECONDS: Final = 1.0
MICROS: Final = 1_000_000

# Local variables contain what clients sent, and may contain secrets: tracebacks leave them out.
_TRACEBACKS = structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False))


class Lines:
    """A file whose writers do not wait: a thread writes what they give it, soon.

    Whoever reads the log of a service, a pipe for instance, may be slow or have stopped. The service goes on: lines
    that no longer fit are left out.
    """

    def __init__(self, file: TextIO) -> None:
        """Write to `file`, in the order of the calls."""
        self._file = file
        self._waiting: deque[str | Callable[[], str]] = deque()
        self._left_out = 0
        self._woken = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str | Callable[[], str]) -> None:
        """Take a text that ends its line, or what makes one: the thread calls it."""
        if len(self._waiting) >= LINES_MAX:
            self._left_out += 1
            return
        self._waiting.append(text)
        if not self._woken.is_set():
            self._woken.set()

    def flush(self) -> None:
        """Return at once: the thread does not wait for it."""

    def close(self) -> None:
        """Write what waits, for a second at most."""
        self._closed = True
        self._woken.set()
        self._thread.join(CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._closed:
            self._woken.wait()
            self._woken.clear()
            self._write_out()
            if not self._closed:
                time.sleep(GATHER_SECONDS)
        self._write_out()

    def _write_out(self) -> None:
        taken = [self._waiting.popleft() for _ in range(len(self._waiting))]
        texts = [each if isinstance(each, str) else each() for each in taken]
        left_out, self._left_out = self._left_out, 0
        if left_out:
            texts.append(f"log.left_out lines={left_out}\n")
        try:
            self._file.write("".join(texts))
            self._file.flush()
        except (OSError, ValueError):  # nobody reads the log any more: the service is there for others
            self._waiting.clear()


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
