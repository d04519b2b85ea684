"""`make quickstart`: ingest the sample mailbox with an embedded Redis and SQLite, and look at what came in.

Runs the same commands that a user would, each shown before it runs, in a folder of its own (`data/quickstart`). Running
it again imports nothing twice. The embedded Redis is stopped at the end.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule

from src.common.embedded_redis import stop_embedded

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = Path("samples/mailbox.mbox")
ACCOUNT = "sample"
DATA = Path("data/quickstart")
STEP_TIMEOUT_S = 120  # for any one command; all of them together take seconds
SMALL_LIMIT = 1024 * 1024  # bytes; the sample brings one mail above it, to show a dead letter

SETTINGS = {
    "PRODUCER_METRICS_PORT": "0",
    "PRODUCER_HEALTH_PORT": "0",
    "WORKER_METRICS_PORT": "0",
    "WORKER_HEALTH_PORT": "0",
    "LOG_LEVEL": "WARNING",
}
LOWERED = {"MAX_MAIL_BYTES": str(SMALL_LIMIT)}

console = Console(highlight=False)


def title(text: str) -> None:
    """Begin a part."""
    console.print()
    console.print(Rule(escape(text), align="left"))


def run(*arguments: str, expected: tuple[int, ...] = (0,), **more: str) -> None:
    """Show a command and run it as a user would; leave with its output if it fails in a way nobody expects."""
    shown = " ".join([*(f"{name}={value}" for name, value in more.items()), "python", *arguments])
    console.print(f"[bold green]$[/] {escape(shown)}", soft_wrap=True)  # whole, to be copied
    ended = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, **SETTINGS, **more}, timeout=STEP_TIMEOUT_S
    )
    if ended.returncode not in expected:
        console.print(f"[bold red]This command ended with {ended.returncode}, which is not expected here.[/]")
        raise SystemExit(1)


def ask_json(*arguments: str) -> list[dict[str, object]]:
    """Return what a command prints with `--json`."""
    ended = subprocess.run(
        [sys.executable, *arguments, "--json"],
        cwd=ROOT,
        env={**os.environ, **SETTINGS},
        timeout=STEP_TIMEOUT_S,
        capture_output=True,
        check=True,
    )
    found: list[dict[str, object]] = json.loads(ended.stdout)
    return found


def main() -> None:
    """Tell the story, one step after the other."""
    parser = argparse.ArgumentParser(description="Ingest the sample mailbox and look at it.")
    parser.add_argument("--data", type=Path, default=DATA, help="folder for the embedded Redis and the database")
    data: Path = parser.parse_args().data
    SETTINGS.update(REDIS_URL=f"embedded:{data}/redis", DATABASE_URL=f"sqlite:///{data}/mail.db")
    began = time.monotonic()
    os.chdir(ROOT)
    try:
        tour()
    finally:
        stop_embedded(data / "redis")
    show_the_way_on(time.monotonic() - began)


def tour() -> None:
    """Show the main job, part by part."""
    title("1. Import about 200 mails: Redis and the worker are started for you")
    source = ("mbox", str(SAMPLE), "--account", ACCOUNT)
    run("-m", "src.cli", "import", *source, "--with-worker", expected=(0, 1), **LOWERED)

    title("2. What came in")
    run("-m", "src.cli", "status")

    title("3. Search: subject, people, body and the text of attachments")
    run("-m", "src.cli", "search", "invoice", "--limit", "5")

    show_dead_letter()

    title("5. The proof that nothing is missing")
    run("-m", "src.cli", "verify", "--account", ACCOUNT, "--mbox", str(SAMPLE))


def show_the_way_on(seconds: float) -> None:
    """Say what to do next."""
    title(f"Done in {seconds:.0f} s. Where to go next")
    for line in (
        "Your own mail:   cp .env.example .env, set IMAP_HOST …, then python producer.py and python worker.py",
        "Gmail:           docs/howto/sign-in-to-gmail.md",
        "A Takeout file:  python -m src.cli import mbox PATH --account NAME --with-worker",
        "Is all well?     python -m src.cli doctor",
        "How it works:    docs/architecture.md",
    ):
        console.print(f"  {escape(line)}", soft_wrap=True)
    where = " ".join(f"{name}={SETTINGS[name]}" for name in ("REDIS_URL", "DATABASE_URL"))
    console.print("To repeat a command of this tour:  source .venv/bin/activate")
    console.print(f"  export {escape(where)}", soft_wrap=True)


def show_dead_letter() -> None:
    """Show the one mail that was over the limit, lift the limit, and replay it."""
    title("4. A dead letter: one mail was over the limit set for this tour")
    dead = ask_json("-m", "src.cli", "dlq", "list")
    if not dead:
        console.print("It was replayed by an earlier run: nothing is dead now.")
        return
    entry_id = str(dead[0]["entry_id"])
    run("-m", "src.cli", "dlq", "list")
    run("-m", "src.cli", "dlq", "show", entry_id)
    console.print("The tour now works without the lowered limit: replay it, and let a worker finish.")
    run("-m", "src.cli", "dlq", "replay", entry_id)
    run("worker.py", "--drain")


if __name__ == "__main__":
    main()
