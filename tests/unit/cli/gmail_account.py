"""One Gmail account in memory, seen through IMAP and through the API, as `compare` reads it."""

from collections.abc import Iterable

from src.cli.ways import ImapMailbox, Ways
from src.sources.gmail.source import GmailSource
from src.sources.gmail.visit import Wanted
from src.sources.imap.source import ImapSource
from tests.contracts.stream_mails import ACCOUNT
from tests.fakes.clock import FakeClock
from tests.fakes.gmail.imap_view import ALL_MAIL, SPAM, TRASH, ImapView
from tests.fakes.gmail.mailbox import Mailbox
from tests.fakes.gmail.memory_api import MemoryApi
from tests.fakes.pipeline_model import PipelineModel

EVERYTHING = Wanted(spam_and_trash=True, drafts=True)


class GmailAccount:
    """Change `mailbox`, or what one of both shows of it, then ask for `ways`."""

    def __init__(self, *, folders: Iterable[str] = (), seed: int = 0) -> None:
        self.mailbox = Mailbox(ACCOUNT, seed=seed)
        self.work = self.mailbox.create_label("Work/Ümläut & Söhne")
        self.view = ImapView(self.mailbox, folders=folders)
        self.api = MemoryApi(self.mailbox)
        self.read_through_imap = [ALL_MAIL, SPAM, TRASH]
        self.wanted = Wanted()

    def ways(self) -> Ways:
        """Return both ways to read it."""
        model = PipelineModel()
        api = GmailSource(
            account=ACCOUNT, api=self.api, known=model, tickets=model, clock=FakeClock(), wanted=EVERYTHING
        )
        return Ways([self._imap(name, model) for name in self.read_through_imap], api, self.wanted.takes)

    def _imap(self, name: str, model: PipelineModel) -> ImapMailbox:
        return ImapSource(
            account=ACCOUNT,
            mailbox=name,
            open_session=self.view.server.open_session,
            known=model,
            tickets=model,
            clock=FakeClock(),
        )
