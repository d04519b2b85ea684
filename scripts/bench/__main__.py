"""Run the benchmarks one after the other, each in a process of its own: `make bench`, `make bench-short`.

One that fails does not keep the others from running; the exit code tells.
"""

import subprocess
import sys

BENCHES = ("parse", "stream", "store", "imap", "worker", "attachments", "attachments_beside", "gmail")
TIMEOUT_S = 3600  # for one of them


def main() -> int:
    """Run those named on the command line, or all; pass `--short` on."""
    wanted = [name for name in sys.argv[1:] if not name.startswith("-")] or list(BENCHES)
    options = [option for option in sys.argv[1:] if option.startswith("-")]
    failed = []
    for name in wanted:
        print(f"\n=== {name} ===", flush=True)
        command = [sys.executable, "-m", f"scripts.bench.{name}", *options]
        ended = subprocess.run(command, timeout=TIMEOUT_S, check=False)
        if ended.returncode:
            failed.append(name)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
