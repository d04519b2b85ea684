"""Control: a fake Gmail in a process of its own is told what to do, and asked what is true.

One JSON object a line in each direction: `{"do": "act", "times": 3}` is answered by `{}`.

| do | what it does | answer |
| --- | --- | --- |
| `fill` | `mails` mails come in | `{}` |
| `act` | the user does something, `times` times | `{}` |
| `weather` | faults of every kind at `rate` (1 is the usual), refusals of the account up to `refusals` times | `{}` |
| `calm` | no more faults | `{}` |
| `expire_history`, `expire_pages`, `end_tokens` | history, page tokens, access tokens are no longer good | `{}` |
| `truth` | | `mails`: SHA-256 of the raw mail and sorted labels, by id |
| `tally` | | calls, mails fetched, fetched again although they were given whole, faults, errors of the fake |
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

from tests.fakes.gmail.busy_user import BusyUser
from tests.fakes.gmail.fake_gmail import FakeGmail
from tests.fakes.gmail.weather import Weather

Json = dict[str, Any]


class Control:
    """Carries out commands, from one thread."""

    def __init__(self, gmail: FakeGmail, *, seed: int) -> None:
        self._gmail = gmail
        self._user = BusyUser(gmail.mailbox, seed)
        self._weather: Weather | None = None
        self._commands: dict[str, Callable[..., Json | None]] = {
            "fill": self._fill,
            "act": self._act,
            "weather": self._send_weather,
            "calm": self._calm,
            "expire_history": gmail.mailbox.expire_history,
            "expire_pages": gmail.paging.expire_tokens,
            "end_tokens": gmail.google.end_access_tokens,
            "truth": self._truth,
            "tally": self._tally,
        }

    def answers(self, lines: Iterable[str]) -> Iterator[str]:
        """Carry out a command a line; yield an answer a line. Raises KeyError for what is not in the table above."""
        for line in lines:
            command = json.loads(line)
            yield json.dumps(self._commands[command.pop("do")](**command) or {})

    def _fill(self, mails: int) -> None:
        for _ in range(mails):
            self._user.do("add")

    def _act(self, times: int) -> None:
        for _ in range(times):
            self._user.act()

    def _send_weather(self, rate: float, refusals: int) -> None:
        self._weather = Weather.sent(self._gmail.faults, rate=rate, refusals=refusals)

    def _calm(self) -> None:
        if self._weather is not None:
            self._weather.clear()

    def _truth(self) -> Json:
        mails = self._gmail.mailbox.truth().values()
        return {"mails": {mail.id: [mail.sha256, sorted(mail.labels)] for mail in mails}}

    def _tally(self) -> Json:
        gets = (seen for seen in list(self._gmail.log) if seen.method.endswith(".messages.get"))
        given = Counter(seen.about for seen in gets if seen.status == HTTPStatus.OK)
        return {
            "calls": len(self._gmail.log),
            "fetched": len(given),
            "fetched_again": given.total() - len(given),
            "faults": self._weather.struck if self._weather else 0,
            "errors": self._gmail.mistakes,
        }
