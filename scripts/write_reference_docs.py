"""Write the reference pages that come from the code: settings, metrics, error codes (`make docs`). A test compares.

Each page is built by a function from the classes themselves, so that a page cannot say other than the code does.
"""

from collections.abc import Callable
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from config.settings import Settings, bounds_of
from scripts.commands_page import commands_page
from scripts.dashboard import dashboard_json
from src.common import errors, instruments
from src.monitoring.collector import SHARED_METRICS

ROOT = Path(__file__).resolve().parents[1]
NOTE = "<!-- Written by `make docs` from the code: change it there. -->\n"


def settings_page() -> str:
    """Return `docs/settings.md`."""
    rows = [
        f"| `{name.upper()}` | {_default(field)} | {bounds_of(field)} | {field.description} |"
        for name, field in _fields()
    ]
    head = (
        "# Settings\n\nFrom the environment, then from `.env`. All mistakes are reported in one message, exit code 2.\n"
    )
    return "\n".join([head, NOTE, "| name | default | allowed | meaning |", "| --- | --- | --- | --- |", *rows, ""])


def env_example() -> str:
    """Return `.env.example`: every setting with its default, commented out."""
    lines = ["# Copy to .env and change what you need. Each line shows the default; docs/settings.md explains.", ""]
    for name, field in _fields():
        default = _plain_default(field)
        lines += [f"# {field.description}".replace("`", ""), f"#{name.upper()}={default}", ""]
    return "\n".join(lines)


def metrics_page() -> str:
    """Return `docs/metrics.md`."""
    rows = []
    for metric in vars(instruments).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            name = metric._name + ("_total" if isinstance(metric, Counter) else "")
            kind = type(metric).__name__.lower()
            rows.append((name, kind, ", ".join(metric._labelnames), metric._documentation))
    rows += [(shared.name, shared.kind, ", ".join(shared.labels), shared.meaning) for shared in SHARED_METRICS]
    lines = [f"| `{name}` | {kind} | {labels} | {meaning} |" for name, kind, labels, meaning in sorted(rows)]
    head = "# Metrics\n\nServed on the metrics port of each process and by `python -m src.monitoring.metrics`.\n"
    return "\n".join([head, NOTE, "| name | kind | labels | meaning |", "| --- | --- | --- | --- |", *lines, ""])


def errors_page() -> str:
    """Return `docs/errors.md`."""
    rows = []
    for error in sorted(errors.all_errors(), key=lambda kind: kind.code):
        kind = "temporary" if error.is_temporary else "permanent"
        meaning = (error.__doc__ or "").split("\n")[0]
        rows.append(f"| [`{error.code}`](runbooks/{error.code}.md) | {kind} | {meaning} |")
    head = (
        "# Error codes\n\nThe code is the metric label, the reason in the dead letters and the name of the runbook.\n"
    )
    return "\n".join([head, NOTE, "| code | kind | meaning |", "| --- | --- | --- |", *rows, ""])


PAGES: dict[str, Callable[[], str]] = {
    "docs/settings.md": settings_page,
    ".env.example": env_example,
    "docs/metrics.md": metrics_page,
    "docs/errors.md": errors_page,
    "docs/commands.md": commands_page,
    "config/grafana_dashboard.json": dashboard_json,
}


def _fields() -> list[tuple[str, FieldInfo]]:
    return list(Settings.model_fields.items())


def _plain_default(field: FieldInfo) -> str:
    value = field.default
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _default(field: FieldInfo) -> str:
    plain = _plain_default(field)
    return f"`{plain}`" if plain else ""


def main() -> None:
    """Write all pages."""
    for name, build in PAGES.items():
        (ROOT / name).write_text(build(), encoding="utf-8")
        print(f"wrote {name}")


if __name__ == "__main__":
    main()
