"""The roles of a source. A new source is one file that plays `Source` and `Census`, and one line in `registry.py`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from src.model.cursor import Batch, Cursor
from src.model.envelope import Envelope, Place
from src.store.protocol import KnownMail


class Source(Protocol):
    """One mailbox of one account, to be read step by step. Used from one thread."""

    account: str
    mailbox: str  # decoded name; names the cursor and the lease
    kind: str  # name in the registry

    def fetch(self, cursor: Cursor) -> Batch:
        """Read the next step after `cursor`. An empty batch that is `caught_up` means that nothing is new.

        Raises a TemporaryError (back off, then ask again with the same cursor; the source reconnects by itself) or a
        PermanentError (the operator is needed). Never skips a mail: what cannot be given is a Failure in the batch.

        Whoever passes the very object that the last batch has as its cursor takes that batch over, and is read on to
        from memory. An equal one from the store says nothing of that: several batches may share a cursor, and the last
        ones may never have been published.
        """
        ...

    def close(self) -> None:
        """Let go of connections and files. May be called at any time and twice; `fetch` may follow and reopens."""
        ...


@runtime_checkable
class Waiter(Protocol):
    """A source that can be woken by the server (IMAP IDLE). Others are polled."""

    def wait(self, timeout_s: float) -> bool:
        """Block until something may be new or `timeout_s` passed; return whether something may be new.

        Also returns early after `interrupt`."""
        ...

    def interrupt(self) -> None:
        """End `wait` soon; called from another thread, at shutdown."""
        ...


@dataclass(frozen=True, slots=True)
class CensusItem:
    """One mail that the source has, by its id alone."""

    source_id: str  # as an Envelope of it would carry, unless the mail was remapped (then `place` tells)
    place: Place
    labels: tuple[str, ...] | None = None  # flags and labels; None: not told
    gmail_labels: tuple[str, ...] | None = None  # those of `labels` that are X-GM-LABELS; None: not IMAP at Gmail


@runtime_checkable
class Census(Protocol):
    """A source that can list all it has. The list is complete or the walk raises: never conclude from a partial one."""

    def census(self) -> Iterator[CensusItem]:
        """Walk the ids of every mail the source has now."""
        ...


@runtime_checkable
class NamesLabels(Protocol):
    """A source whose labels are ids, with names of their own."""

    def label_names(self) -> Mapping[str, str] | None:
        """Return what people call the labels, by id; None: not known yet. Costs nothing; called from any thread."""
        ...


@runtime_checkable
class Refetch(Protocol):
    """A source that can bring single mails once more, for what is to be read of them anew."""

    def refetch(self, mails: Sequence[KnownMail]) -> Iterator[tuple[Envelope, ...]]:
        """Yield those of `mails` that the mailbox still has, as ADDED under their known ids, some at a time.

        A mail that is gone, or cannot be given, is left out. What is yielded may have to be used up before the next
        step, since big mails are read from the source slice by slice. Raises as `fetch` does.
        """
        ...
