"""Position: how far an account has been read through the API, as values; `Cursor` is how the stream keeps it.

| value | meaning |
| --- | --- |
| `history_id` | everything up to this marker of the history was said; missing: nothing is known |
| `history_page`, `history_next` | within a walk over pages of history: the next page, and the first page's marker |
| `listing` | `1` while the list of all mails is walked for those that are missing |
| `page`, `listed` | the next page of that list, and how many ids were walked |
| `unsure` | `1`: the database may have mails that are gone, or old labels: compare the whole mailbox |
| `compared_at` | when that was last done, Unix time |
| `wanted` | `Wanted.mark` of the filters by which that list was walked; missing: none |
"""

from dataclasses import dataclass, replace
from typing import Any

from src.model.cursor import Cursor


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading stands."""

    history_id: int = 0
    history_page: str = ""
    history_next: int = 0
    is_listing: bool = False
    page: str = ""
    listed: int = 0
    is_unsure: bool = False
    compared_at: int = 0
    wanted: str = ""

    @classmethod
    def of(cls, cursor: Cursor) -> "Position":
        """Read a cursor; what an operator made unreadable counts as missing."""
        values = cursor.values
        history_id = cursor.get_int("history_id")
        if values.get("last_uid") == "0" or not history_id:  # an operator asks for everything, or nothing is known
            return cls()
        return cls(
            history_id=history_id,
            history_page=values.get("history_page", ""),
            history_next=cursor.get_int("history_next"),
            is_listing=values.get("listing") == "1",
            page=values.get("page", ""),
            listed=cursor.get_int("listed"),
            is_unsure=values.get("unsure") == "1",
            compared_at=cursor.get_int("compared_at"),
            wanted=values.get("wanted", ""),
        )

    def to_cursor(self) -> Cursor:
        """Return it as the stream keeps it; what says nothing is left out."""
        told = {
            "history_id": self.history_id,
            "history_page": self.history_page,
            "history_next": self.history_next,
            "listing": int(self.is_listing),
            "page": self.page,
            "listed": self.listed,
            "unsure": int(self.is_unsure),
            "compared_at": self.compared_at,
            "wanted": self.wanted,
        }
        return Cursor({name: str(value) for name, value in told.items() if value})

    def begun(self, marker: int, *, is_unsure: bool) -> "Position":
        """Return where to begin: the marker was taken before anything is listed."""
        return Position(
            history_id=marker,
            is_listing=True,
            is_unsure=is_unsure,
            compared_at=self.compared_at,
            wanted=self.wanted,
        )

    def asked_for(self, wanted: str) -> "Position":
        """Return it for these filters. By others the list has other mails and pages: walk it anew."""
        if wanted == self.wanted:
            return self
        return replace(self, wanted=wanted, is_listing=True, page="", listed=0)

    def on_page(self, page: str, first_marker: int) -> "Position":
        """Return it within a walk over pages of history."""
        return replace(self, history_page=page, history_next=first_marker)

    def at(self, marker: int) -> "Position":
        """Return it at the end of such a walk."""
        return replace(self, history_id=marker, history_page="", history_next=0)

    def past_page(self, next_page: str | None, ids: int) -> "Position":
        """Return it behind a page of the list of all mails; None: that was the last one."""
        if next_page is None:
            return replace(self, is_listing=False, page="", listed=0)
        return replace(self, page=next_page, listed=self.listed + ids)

    def changed(self, **changes: Any) -> "Position":
        """Return it with these values changed."""
        return replace(self, **changes)
