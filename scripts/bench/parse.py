"""How fast mails of some 15 KB are parsed, against the standard library's compat32 parser on the same mails.

Two kinds: `office` mails (prose in UTF-8, HTML beside it, few header fields) and `varied` ones (many languages,
charsets and transfer encodings, encoded words, some 20 header fields), where decoding, in C for everyone, takes more of
the time.

The contenders take turns over small groups of mails, so that whatever else the machine does hits all of them alike;
each figure is the median over the groups, in CPU time of this process. compat32 walks all parts and decodes their
payloads, as its users do; ours gives the message with its body, and finds the attachments without decoding them;
`parse + keep` decodes and hashes them too.

    python -m scripts.bench.parse [--short]
"""

import argparse
import email
import statistics
import time

from rich.console import Console
from rich.table import Table

from scripts.bench.office_mails import OfficeMails
from scripts.make_mails import mail
from src.mail.parse import parse
from src.mail.preview import preview
from tests.fakes.no_sandbox import keep

MEAN_BYTES = 15_000
GROUP = 50  # mails between two changes of contender: enough for each to be warm, and well under a second


def compat32(raw: bytes) -> object:
    """Parse, walk and decode with the standard library."""
    message = email.message_from_bytes(raw)
    payloads = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    return {name.lower(): value for name, value in message.items()}, payloads


def parse_and_keep(raw: bytes) -> object:
    """Do what the worker does: parse, and keep every attachment."""
    parsed = parse(raw)
    return parsed.with_attachments([keep(part) for part in parsed.parts])


def measure(mails: list[bytes], rounds: int) -> dict[str, float]:
    """Return the median seconds a mail of each contender."""
    contenders = {"compat32": compat32, "parse": parse, "preview": preview, "parse + keep": parse_and_keep}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for start in range(0, len(mails), GROUP):
            group = mails[start : start + GROUP]
            for name, contender in contenders.items():
                began = time.process_time()
                for raw in group:
                    contender(raw)
                seconds[name].append((time.process_time() - began) / len(group))
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def show(kind: str, mails: list[bytes], taken: dict[str, float]) -> None:
    """Print the figures of one kind of mail."""
    mean_bytes = sum(map(len, mails)) // len(mails)
    table = Table(title=f"{len(mails)} {kind} mails of {mean_bytes} bytes on average, one process")
    for heading in ("contender", "mails/s", "µs a mail", "times compat32"):
        table.add_column(heading, justify="left" if heading == "contender" else "right")
    for name, seconds in taken.items():
        table.add_row(name, f"{1 / seconds:,.0f}", f"{seconds * 1e6:.0f}", f"{taken['compat32'] / seconds:.2f}")
    Console().print(table)
    print(f"preview / parse: {taken['parse'] / taken['preview']:.2f}")


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description="Parse mails of 15 KB.")
    options.add_argument("--short", action="store_true", help="a tenth of the work")
    is_short = options.parse_args().short
    number, rounds = (500, 1) if is_short else (2_000, 3)
    kinds = {
        "office": list(OfficeMails(seed=1, mean_bytes=MEAN_BYTES).take(number)),
        "varied": [mail(index, size_bytes=MEAN_BYTES) for index in range(number)],
    }
    for kind, mails in kinds.items():
        show(kind, mails, measure(mails, rounds))


if __name__ == "__main__":
    main()
