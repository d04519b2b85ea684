"""A Gmail of our own for the tests: the API as a real HTTP server, the sign-in, Pub/Sub, and all their bad days.

Where to find what:

| file | what |
| --- | --- |
| `fake_gmail.py` | the whole, and what a test holds in its hand |
| `mailbox.py`, `history.py`, `labels.py` | the truth: mails, their changes, labels |
| `methods.py`, `forms.py`, `search.py`, `paging.py` | the API's methods, how mails look, search words, pages |
| `service.py`, `batch.py`, `server.py` | one call from request to answer; many in one; HTTP |
| `faults.py`, `errors.py`, `answer.py` | bad days on command; Google's error bodies; call and answer |
| `quota.py` | unit costs, what was spent when, refusals, concurrency |
| `discovery.py`, `schema.py`, `fields.py` | what the API's own documents say; checks; partial answers |
| `pubsub.py` | watch, pull, acknowledge |
| `busy_user.py`, `weather.py` | random acts on a mailbox; faults of every kind at a low rate |
| `program.py`, `control.py` | the fake as a process of its own; what it can be told and asked from outside |
| `../google_oauth.py`, `../google_service_account.py` | tokens: refresh, ending, `invalid_grant`; delegation |

    gmail.mailbox.add(b"Subject: hello\\r\\n\\r\\n")
    gmail.faults.add(throttled(retry_after="date", wait_s=2), "messages.get", times=3)
    gmail.paging.between_pages = lambda method, number: gmail.mailbox.add(late_mail)
    gmail.quota.is_enforced = True
    gmail.google.end_access_tokens()
"""

from collections import Counter
from functools import cache
from urllib.parse import urlsplit

from google.oauth2.credentials import Credentials

from tests.fakes.gmail import batch
from tests.fakes.gmail.answer import Answer, Request
from tests.fakes.gmail.faults import Faults
from tests.fakes.gmail.mailbox import Mailbox
from tests.fakes.gmail.methods import Desk
from tests.fakes.gmail.paging import Paging
from tests.fakes.gmail.pubsub import PubSub
from tests.fakes.gmail.quota import Quota
from tests.fakes.gmail.server import HttpServer
from tests.fakes.gmail.service import Seen, Service
from tests.fakes.google_oauth import ACCOUNT, CLIENT_ID, CLIENT_SECRET, FakeGoogle
from tests.fakes.google_service_account import ServiceAccount, make_service_account

READ_SCOPE = "https://www.googleapis.com/auth/gmail.readonly"
PUBSUB_SCOPE = "https://www.googleapis.com/auth/pubsub"


@cache
def _puller() -> tuple[ServiceAccount, str]:
    """Make a service account that acts for nobody; once, for a key takes half a second."""
    return make_service_account((), ())


class FakeGmail:
    """All accounts of one Gmail; `mailbox` is that of the first."""

    def __init__(self, account: str = ACCOUNT, *, seed: int = 0) -> None:
        self._seed = seed
        self.google = FakeGoogle(account=account)
        self.mailboxes: dict[str, Mailbox] = {}
        self.paging = Paging()
        self.pubsub = PubSub()
        self.desk = Desk(self.paging, self.pubsub)
        self.service = Service(self.google, self.mailboxes, self.desk, Faults(seed))
        self.http = HttpServer(self._answer)
        self.latency_s = 0.0  # before every answer: a round trip
        self.mailbox = self.add_account(account)

    def add_account(self, account: str) -> Mailbox:
        """Make an empty mailbox."""
        mailbox = Mailbox(account, seed=self._seed)
        mailbox.on_change(lambda record: self.pubsub.note(mailbox, record))
        self.mailboxes[account] = mailbox
        return mailbox

    def start(self) -> None:
        """Begin to serve the API and the sign-in, each on a port of its own."""
        self.google.start()
        self.http.start()

    def stop(self) -> None:
        self.pubsub.stop()
        self.http.stop()
        self.google.stop()

    @property
    def endpoint(self) -> str:
        """The address of the API, of Pub/Sub too."""
        return f"http://127.0.0.1:{self.http.port}/"

    @property
    def batch_uri(self) -> str:
        return f"{self.endpoint}batch/gmail/v1"

    @property
    def faults(self) -> Faults:
        return self.service.faults

    @property
    def quota(self) -> Quota:
        return self.service.quota

    @property
    def log(self) -> list[Seen]:
        """All calls of signed-in clients in the order they were answered, those inside batches too."""
        return self.service.log

    @property
    def mistakes(self) -> list[str]:
        """What the fake answered that the API's schemas do not allow, and where it failed: empty, or it is broken."""
        return [*self.service.mistakes, *self.http.errors]

    def gets(self, mail_id: str) -> int:
        """Return how often a mail was asked for, refusals included."""
        return self.gets_by_id()[mail_id]

    def gets_by_id(self) -> Counter[str]:
        """Return how often each mail was asked for, refusals included."""
        return Counter(seen.about for seen in list(self.log) if seen.method.endswith(".messages.get"))

    def calls(self, method: str) -> int:
        """Return how often a method such as `messages.get` was called, refusals included."""
        return sum(seen.method.endswith(f".{method}") for seen in list(self.log))

    def environment(self) -> dict[str, str]:
        """Return the settings that point a program here."""
        return {**self.google.environment(), "GMAIL_API_ENDPOINT": self.endpoint}

    def credentials(self, account: str | None = None, *, scopes: str = f"{READ_SCOPE} {PUBSUB_SCOPE}") -> Credentials:
        """Return what a finished sign-in gives; the access token is fetched with the first call."""
        return Credentials(  # type: ignore[no-untyped-call]
            token=None,
            refresh_token=self.google.issue_refresh_token(scopes, account),
            token_uri=f"{self.google.base}/token",
            client_id=CLIENT_ID,
            client_secret=CLIENT_SECRET,
        )

    def service_account_key(self, *, scopes: str = READ_SCOPE) -> dict[str, str]:
        """Make a service account that may act for every person here; return its key file's content."""
        account, private_key = make_service_account(scopes.split(), self.mailboxes)
        self.google.service_accounts[account.address] = account
        return {
            "type": "service_account",
            "client_email": account.address,
            "private_key": private_key,
            "token_uri": f"{self.google.base}/token",
        }

    def pubsub_key(self, *, may_pull: bool = True) -> dict[str, str]:
        """Make a service account that may pull all subscriptions, or none; return its key file's content."""
        account, private_key = _puller()
        self.google.service_accounts[account.address] = account
        self.pubsub.without_role = set() if may_pull else {account.address}
        return {"type": "service_account", "client_email": account.address, "private_key": private_key}

    def _answer(self, request: Request) -> Answer:
        """Answer a request; its calls count as running until the answer is ready, waiting included."""
        with self.quota.running_together():
            if urlsplit(request.target).path in batch.PATHS:
                answer = batch.answer_batch(self.service, request)
            else:
                answer = self.service.answer(request)
            self.http.pause(self.latency_s + answer.delay_s)
        return answer
