"""Work: take mails from the stream, parse them, store them. `python worker.py --help` lists the options.

Exit codes are those of src/common/exit_codes.py; with `--drain`, 1 means that mails went to the dead letters meanwhile.
"""

if __name__ == "__main__":  # what follows takes a second to import
    from src.common.program_start import begin

    begin()

import argparse
import random
import sys
from collections.abc import Mapping, Sequence

from config.settings import SettingsError, load
from src.assembly.rules import rules_of
from src.assembly.worker import run_worker
from src.common import logs
from src.common.exit_codes import USAGE
from src.worker.processes import Processes, command_of_child

# Option, its meaning, and the setting that it overrides.
OVERRIDES = (
    ("--stream", str, "name of the stream", "redis_stream_name"),
    ("--group", str, "name of the consumer group", "consumer_group_name"),
    ("--consumer", str, "name of this consumer", "consumer_name"),
    ("--batch-size", int, "most mails read, stored and settled in one go", "batch_size"),
    ("--block-timeout", int, "milliseconds a read waits for new mail", "block_timeout_ms"),
)


def main(arguments: Sequence[str]) -> int:
    """Run one worker, or the parent of several; return the exit code."""
    options = _parser().parse_args(arguments)
    overrides = {setting: value for *_, setting in OVERRIDES if (value := getattr(options, setting)) is not None}
    try:
        return _run(options, overrides)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return USAGE


def _run(options: argparse.Namespace, overrides: Mapping[str, object]) -> int:
    settings = load(**overrides)
    logs.configure(level=settings.log_level, format_=settings.log_format)
    if options.processes == 1:
        return run_worker(settings, drain=options.drain)
    rules_of(settings)  # a wrong file is told here, once, not by each child
    command = command_of_child(__file__, overrides, settings, is_drain=options.drain)
    return Processes(command, options.processes, is_drain=options.drain, rng=random.Random()).run()  # noqa: S311


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="worker.py", description="Take mails from the stream and store them.")
    for name, kind, meaning, setting in OVERRIDES:
        parser.add_argument(name, dest=setting, type=kind, help=f"{meaning} ({setting.upper()})")
    parser.add_argument("--processes", type=_count, default=1, help="run so many workers and keep them running")
    parser.add_argument(
        "--drain", action="store_true", help="work until stream, retries and pending are empty, then exit 0 or 1"
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("expected a whole number from 1 on")
    return int(text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
