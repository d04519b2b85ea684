"""The mails of a fault run, as an mbox file: varied in size, the same for a seed, each with its own SHA-256."""

import hashlib
import random
from pathlib import Path

WORDS = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "my")


def write_mbox(path: Path, *, mails: int, seed: int) -> list[str]:
    """Write `mails` mails; return the SHA-256 of each, in hex, in order. No line begins with `From `."""
    rng = random.Random(seed)
    hashes = []
    with path.open("wb") as file:
        for number in range(mails):
            raw = _mail(number, rng)
            hashes.append(hashlib.sha256(raw).hexdigest())
            file.write(b"From sender@example.org Mon May  4 12:00:00 2026\n" + raw + b"\n")
    return hashes


def _mail(number: int, rng: random.Random) -> bytes:
    lines = int(rng.paretovariate(1.1) * 4) % 4000  # most are small, some have hundreds of lines
    text = "\n".join(" ".join(rng.choices(WORDS, k=10)) for _ in range(lines))
    return (
        f"From: Sender {number % 50} <sender{number % 50}@example.org>\nTo: reader@example.org\n"
        f"Subject: mail {number}\nMessage-ID: <{number}.{rng.getrandbits(32):x}@example.org>\n"
        f"Date: Mon, 4 May 2026 12:{number % 60:02d}:00 +0000\n\n{text}\n"
    ).encode()
