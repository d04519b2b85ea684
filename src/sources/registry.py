"""The table of sources: name, and what opens it. A new one is a file that plays Source and Census, and a line here.

An opener returns one Source for each mailbox that the request means. It may connect (a list of mailboxes may have to be
asked for) and raises the errors of src/common/errors.py.
"""

from collections.abc import Callable, Mapping, Sequence

from src.common.errors import FileUnreadableError
from src.sources.imap.opening import open_imap
from src.sources.maildir import MaildirSource, Surroundings
from src.sources.maildir_folders import folders
from src.sources.mbox import MboxSource
from src.sources.request import SourceRequest
from src.sources.source import Source

OpenSources = Callable[[SourceRequest], Sequence[Source]]


def _open_mbox(request: SourceRequest) -> Sequence[Source]:
    path = request.path
    if path is None or not path.is_file():
        raise FileUnreadableError("an mbox file was expected, and there is no file at this path")
    return [MboxSource(account=request.account, path=path, limits=request.file_limits(), clock=request.clock)]


def _open_maildir(request: SourceRequest) -> Sequence[Source]:
    if request.path is None or not request.path.is_dir():
        raise FileUnreadableError("a Maildir was expected, a folder with `cur` and `new` in it, and there is no folder")
    around = Surroundings(request.known.known_mails, request.tickets.is_on_its_way_or_dead)
    return [
        MaildirSource(
            account=request.account, folder=folder, around=around, limits=request.file_limits(), clock=request.clock
        )
        for folder in folders(request.path)
    ]


def _open_gmail(request: SourceRequest) -> Sequence[Source]:
    from src.sources.gmail.opening import open_gmail  # loads Google's libraries: 20 MB that IMAP has no use for

    return open_gmail(request)


SOURCES: Mapping[str, OpenSources] = {
    "imap": open_imap,
    "gmail": _open_gmail,
    "mbox": _open_mbox,
    "maildir": _open_maildir,
}
