"""What the exit code of a command says: the same for every command, listed in docs/commands.md.

A script may decide by it: 0 go on, 1 look at what was printed, 2 mend the call or the settings, 3 an operator is
needed, 4 try again later.
"""

from config.settings import SettingsError
from src.common.errors import IngestError

OK = 0  # done, and nothing is amiss
INCOMPLETE = 1  # done, but something was left behind or found wrong: missing mail, dead letters, a red check
USAGE = 2  # wrong arguments or settings; nothing was begun
OPERATOR_NEEDED = 3  # trying again cannot help: signing in, a wrong password, a schema to migrate, an unreadable file
UNAVAILABLE = 4  # a service did not answer (Redis, database, mail server, Google): trying again may help
INTERNAL = 70  # a fault of this program, or a process that ended itself since a loop was stuck or broke (EX_SOFTWARE)
STOPPED = 130  # ended by Ctrl-C, by a signal before anything was begun, or by a second one during an ordered end
PIPE_CLOSED = 141  # whoever read the output left, as `head` does; nothing is wrong

MEANINGS: dict[int, str] = {
    OK: "done, and nothing is amiss",
    INCOMPLETE: "done, but something was left behind or found wrong",
    USAGE: "wrong arguments or settings; nothing was begun",
    OPERATOR_NEEDED: "trying again cannot help: an operator is needed",
    UNAVAILABLE: "a service did not answer; trying again may help",
    INTERNAL: "a fault of this program, or a loop of it that was stuck; to be started again",
    STOPPED: "ended by Ctrl-C, by a signal before anything was begun, or by a second signal",
    PIPE_CLOSED: "the reader of the output left early",
}


def exit_code_of(error: BaseException) -> int:
    """Return the exit code for an error that ended a command."""
    match error:
        case SettingsError():
            return USAGE
        case IngestError():
            return UNAVAILABLE if error.is_temporary else OPERATOR_NEEDED
        case KeyboardInterrupt():
            return STOPPED
        case BrokenPipeError():
            return PIPE_CLOSED
        case _:
            return INTERNAL
