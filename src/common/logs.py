"""Structured logs: one event, one line, a stable slug plus named values. Never mail content, an address or a token.

`get_logger(__name__).info("mail_settled", envelope_id=…, count=…)`. The event is a slug; the values are numbers, codes,
ids and tags. What might be personal is masked on the way out, and `tests/unit/house/test_log_calls.py` reads every log
call of the source, so that no such value is passed in the first place.
Lines that say the same again and again are bounded by `log_limit.py`.
An account is logged as `account_tag(account)`; `status` shows which tag is whose.
"""

import atexit
import hashlib
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal, cast

import structlog

from src.common.log_limit import LineKind, LineLimit

MAX_VALUE_CHARS = 1000  # a log value; longer ones are cut, so that no log line is unbounded

_SECRETS = re.compile(
    r"(?i)"
    r"(?P<address>[\w.+%'-]{1,64}@[\w.-]{1,255})"
    r"|(?P<bearer>\b(?:bearer|basic|auth=bearer)\s+[\w.~+/=-]{8,})"
    r"|(?P<google>\bya29\.[\w-]+|\b1//[\w-]{10,}|\bGOCSPX-[\w-]+)"
    r"|(?P<pair>\b(?:password|passwd|secret|token|access_token|refresh_token|client_secret|code|code_verifier)"
    r"\s*[=:]\s*[^\s&,;'\"]+)"
    r"|(?P<userinfo>(?<=://)[^/\s@]+@)"
)


def redact(text: str) -> str:
    """Return `text` with addresses, tokens and passwords masked, cut to `MAX_VALUE_CHARS`, on one line."""
    masked = _SECRETS.sub(lambda match: f"[{match.lastgroup}]", text[: MAX_VALUE_CHARS * 4])
    flat = " ".join(masked.split())
    return flat if len(flat) <= MAX_VALUE_CHARS else flat[: MAX_VALUE_CHARS - 1] + "…"


def account_tag(account: str) -> str:
    """Return the 8 hex digits that stand for an account in logs and metric labels."""
    return hashlib.blake2b(account.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """Return the logger for a module; `name` is its `__name__`. Lazy: asks for no configuration."""
    return cast("structlog.stdlib.BoundLogger", structlog.get_logger(module=name))


def configure(*, level: str, format_: Literal["auto", "json", "console"]) -> None:
    """Set up logging for the process, to standard error. Called once, by a command."""
    as_console = format_ == "console" or (format_ == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
        if as_console
        else structlog.processors.JSONRenderer()
    )
    limit = LineLimit(_tell_left_out)
    atexit.register(limit.close)
    structlog.configure(
        processors=[
            limit,
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact_event,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level)),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries log through `logging`: their warnings pass the same redaction, their chatter is dropped.
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(limit)
    handler.setFormatter(_RedactingFormatter("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Mask every text of an event (a structlog processor)."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = redact(value)
        elif value is not None and not isinstance(value, bool | int | float):
            event[name] = redact(str(value))
    return event


def _tell_left_out(kind: LineKind, lines: int) -> None:
    log = get_logger(__name__)
    log.warning(
        "log_lines_left_out", of=kind.event, code=kind.code, account_tag=kind.tag, about=kind.about, lines=lines
    )


class _RedactingFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redact(super().format(record))
