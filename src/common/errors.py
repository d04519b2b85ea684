"""The error tree. Every error is temporary or permanent and has a stable code.

    IngestError
    ├── TemporaryError   tried again, with back-off; never counts a mail as poison by itself
    └── PermanentError   never tried again; a mail goes to the dead letters under this code

The code is the metric label, the reason in the dead letters and the name of the runbook (`docs/runbooks/CODE.md`).
A message says what was expected, what was found, where, and what to do. It never holds mail content, an address or a
token. Library exceptions become these where the library is called, with `raise … from`.
An unknown exception counts as temporary with bounded tries, under the code `unexpected`.
"""

from typing import ClassVar


class IngestError(Exception):
    """Root of all errors of the pipeline."""

    code: ClassVar[str] = "unexpected"
    is_temporary: ClassVar[bool] = True


class TemporaryError(IngestError):
    """Raised when trying again later may help."""


class PermanentError(IngestError):
    """Raised when trying again cannot help."""

    is_temporary: ClassVar[bool] = False


# --- Redis -----------------------------------------------------------------------------------------------------------


class RedisUnavailableError(TemporaryError):
    """Raised when Redis does not answer, or the connection broke."""

    code = "redis_unavailable"


class RedisOutOfMemoryError(TemporaryError):
    """Raised when Redis refuses a write for lack of memory."""

    code = "redis_out_of_memory"


class RedisMisconfiguredError(PermanentError):
    """Raised when Redis would lose mail as it is set up, such as an eviction policy other than noeviction."""

    code = "redis_misconfigured"


class LeaseLostError(TemporaryError):
    """Raised when another process took over the mailbox or the mails in hand."""

    code = "lease_lost"


class StagedExpiredError(TemporaryError):
    """Raised when the staged slices of a big mail expired before they could be published: read the batch again."""

    code = "staged_expired"


class RawMissingError(PermanentError):
    """Raised when a ticket's raw mail is not in Redis any more: someone deleted it by hand."""

    code = "raw_missing"


class TicketUnreadableError(PermanentError):
    """Raised when a stream entry does not hold a ticket that this release can read."""

    code = "ticket_unreadable"


class WorkerCrashedError(PermanentError):
    """Raised when several workers died over one mail."""

    code = "worker_crashed"


class TempSpaceError(TemporaryError):
    """Raised when a big mail or attachment cannot be laid down in the folder for temporary files."""

    code = "temp_space"


class SandboxUnavailableError(TemporaryError):
    """Raised when no process for reading attachments can be started."""

    code = "sandbox_unavailable"


class ScannerUnavailableError(TemporaryError):
    """Raised when the virus scanner does not answer, and `CLAMAV_WHEN_DOWN` says to wait for it."""

    code = "scanner_unavailable"


class AttachmentsBusyError(TemporaryError):
    """Raised when more mails wait for their attachments than a worker holds: this one is put off, which is no fault."""

    code = "attachments_busy"

    def __init__(self, delay_s: float) -> None:
        super().__init__(
            "more mails wait for their attachments than this worker holds; it comes back when it is its turn"
        )
        self.delay_s = delay_s


# --- Database --------------------------------------------------------------------------------------------------------


class DatabaseUnavailableError(TemporaryError):
    """Raised when the database does not answer, is locked, or the disk is full."""

    code = "database_unavailable"


class DatabaseRefusedError(PermanentError):
    """Raised when the database will never take this mail, whatever else is tried."""

    code = "database_refused"


class DatabaseSchemaError(PermanentError):
    """Raised when the database's schema is not the one this release works with."""

    code = "database_schema"


# --- Sources ---------------------------------------------------------------------------------------------------------


class SourceUnavailableError(TemporaryError):
    """Raised when the mail server does not answer, or the connection broke."""

    code = "source_unavailable"


class SourceRefusedError(TemporaryError):
    """Raised when the mail server answers a command with NO or BAD for reasons that may pass."""

    code = "source_refused"


class SettlingAwaitedError(TemporaryError):
    """Raised when a source may not read on before its mails on the stream are settled, and they are not for long."""

    code = "settling_awaited"


class LoginRefusedError(PermanentError):
    """Raised when the mail server refuses the name, password or token."""

    code = "login_refused"


class InsecureConnectionError(PermanentError):
    """Raised when the settings, or the mail server, would have us send a password or token unprotected."""

    code = "insecure_connection"


class MailboxMissingError(PermanentError):
    """Raised when the mailbox does not exist at the source."""

    code = "mailbox_missing"


class MailUnfetchableError(PermanentError):
    """Raised when the server fails at each try to give one certain mail."""

    code = "mail_unfetchable"


class MailTooLargeError(PermanentError):
    """Raised when a mail is larger than the limit for mails."""

    code = "mail_too_large"


class MailboxTakenError(PermanentError):
    """Raised when files are imported under the names of a mailbox that is read from a mail server."""

    code = "mailbox_taken"


class FileUnreadableError(PermanentError):
    """Raised when a mail file or folder cannot be read."""

    code = "file_unreadable"


# --- Gmail API --------------------------------------------------------------------------------------------------------


class GmailThrottledError(TemporaryError):
    """Raised when Google's quota for the account is used up for longer than a call may wait."""

    code = "gmail_throttled"


class GmailUnavailableError(TemporaryError):
    """Raised when the Gmail API does not answer, fails, or its answer cannot be understood."""

    code = "gmail_unavailable"


class GmailPreconditionError(TemporaryError):
    """Raised when the Gmail API answers failedPrecondition, as it does now and then to a call that is in order."""

    code = "gmail_precondition"


class GmailRequestError(PermanentError):
    """Raised when the Gmail API calls one certain request wrong, such as an id or a page token that is none."""

    code = "gmail_request"


class GmailOtherWatchError(GmailRequestError):
    """Raised when the account is watched for another topic already. Reported as its parent."""


class GmailRefusedError(PermanentError):
    """Raised when Google refuses the account or the project: a policy, an API not switched on, a mailbox not there."""

    code = "gmail_refused"


class PushUnavailableError(TemporaryError):
    """Raised when the Pub/Sub subscription does not answer, fails, or its answer cannot be understood."""

    code = "push_unavailable"


class PushRefusedError(PermanentError):
    """Raised when the Pub/Sub subscription is not there, or Google refuses the key that pulls it."""

    code = "push_refused"


# --- Signing in ------------------------------------------------------------------------------------------------------


class SignInNeededError(PermanentError):
    """Raised when there is no token, or Google says that it is not valid any more."""

    code = "sign_in_needed"


class ScopeMissingError(PermanentError):
    """Raised when the token lacks a scope that the work needs."""

    code = "scope_missing"


class SignInFailedError(PermanentError):
    """Raised when a sign-in was not finished: refused, timed out, or the answer does not belong to it."""

    code = "sign_in_failed"


class DelegationRefusedError(PermanentError):
    """Raised when Google does not let the service account act for the account."""

    code = "delegation_refused"


class TokenFileError(PermanentError):
    """Raised when the token file, or a service account's key file, cannot be read, written or kept from others."""

    code = "token_file"


class EncryptionKeyError(PermanentError):
    """Raised when `ENCRYPTION_KEY` is missing, malformed, or does not open the token file."""

    code = "encryption_key"


# --- Mail ------------------------------------------------------------------------------------------------------------


class MailUnparsableError(PermanentError):
    """Raised when not even a defective Message can be made of a mail."""

    code = "mail_unparsable"


def all_errors() -> tuple[type[IngestError], ...]:
    """Return every class of the tree with a code of its own, for the tests that keep docs and runbooks in step."""
    found: list[type[IngestError]] = [IngestError]
    waiting: list[type[IngestError]] = [IngestError]
    while waiting:
        for child in waiting.pop().__subclasses__():
            waiting.append(child)
            if "code" in child.__dict__:
                found.append(child)
    return tuple(found)
