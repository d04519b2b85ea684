"""Every setting once: name, type, default, unit, meaning.

Values come from the environment, then from `.env`. `load()` reports all mistakes in one message, so that a user mends
them in one go. Nothing here connects or touches the disk. `docs/settings.md` is written from this file by
`scripts/write_settings_doc.py`; a test keeps them and `.env.example` in step.
"""

from collections.abc import Iterator
from datetime import date
from typing import Literal, get_args, get_origin
from urllib.parse import SplitResult, urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

ImapAuth = Literal["xoauth2", "oauthbearer", "password"]
ImapTls = Literal["implicit", "starttls", "none"]
WhenDown = Literal["wait", "go_on"]
MIB = 1024 * 1024
LOOPBACK = ("localhost", "127.0.0.1", "::1")  # where a connection without TLS stays in the machine


class SettingsError(Exception):
    """Raised when the environment or `.env` holds wrong settings; the text lists every mistake. Commands exit 2."""

    code = "settings_invalid"


class Settings(BaseSettings):
    """All settings. Field names in upper case are the names of the environment variables."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        env_ignore_empty=True,
    )

    # --- Redis -------------------------------------------------------------------------------------------------
    redis_url: str = Field(
        "",
        description="`redis://…`, `rediss://…`, `redis+cluster://host:port` or `embedded:PATH` "
        "(start, or attach to, a Redis of our own with its data in PATH). "
        "Empty: built from `REDIS_HOST` and the settings below it.",
    )
    redis_host: str = Field("localhost", description="Host of the Redis server.")
    redis_port: int = Field(6379, ge=1, le=65535, description="Port of the Redis server.")
    redis_username: str = Field("", description="User name for Redis ACLs; empty for the default user.")
    redis_password: SecretStr = Field(SecretStr(""), description="Password of the Redis user.")
    redis_db: int = Field(0, ge=0, description="Number of the Redis database; 0 on a cluster.")
    redis_ssl: bool = Field(False, description="Use TLS to Redis.")
    redis_ssl_ca_certs: str = Field("", description="File with the CA certificates that signed the Redis server's.")
    redis_stream_name: str = Field(
        "email_ingestion_stream",
        min_length=1,
        description="Name of the stream of tickets; the keys around it begin with it.",
    )
    redis_max_stream_length: int = Field(
        10_000, ge=1, description="Most mails that may wait (stream and retries together); above it the producer waits."
    )
    redis_max_stream_bytes: int = Field(
        1024 * MIB, ge=MIB, description="Most bytes of compressed raw mail that may wait; above it the producer waits."
    )
    processed_stream_length: int = Field(
        10_000, ge=0, description="Length to which `email_processed_stream` is trimmed; 0 writes no notes."
    )
    stream_partitions: int = Field(
        1,
        ge=1,
        le=256,
        description="Partitions of the stream, each under one hash tag, "
        "for Redis Cluster. Fixed once mails have flowed.",
    )
    raw_spool_bytes: int = Field(
        8 * MIB, ge=64 * 1024, description="A raw mail above this size (bytes) travels in slices instead of one value."
    )

    # --- Accounts ----------------------------------------------------------------------------------------------
    accounts_file: str = Field(
        "",
        description="TOML file that lists the accounts to read, each with settings of its own: see "
        "`docs/howto/several-accounts.md`. Empty: the one account that these settings name.",
    )
    use_gmail_api_percent: float = Field(
        0.0,
        ge=0,
        le=100,
        description="Percentage of the accounts that are read through the Gmail API, for a roll-out: always the same "
        "ones, and raising it switches none back. An account of the file that says `source` or `use_gmail_api` goes "
        "by its own word; `USE_GMAIL_API=true` and `SOURCE=gmail` mean all others.",
    )

    # --- IMAP --------------------------------------------------------------------------------------------------
    source: Literal["imap", "gmail"] = Field(
        "imap", description="What `producer.py` reads; `USE_GMAIL_API=true` means `gmail`."
    )
    imap_host: str = Field("imap.gmail.com", description="Host of the IMAP server.")
    imap_port: int = Field(993, ge=1, le=65535, description="Port of the IMAP server.")
    imap_user: str = Field("", description="Name to log in with; also the name of the account.")
    imap_mailbox: str = Field(
        "INBOX",
        description="Mailboxes to read, separated by commas. At Gmail, `special-use` "
        "reads All Mail, Spam and Trash, each mail once.",
    )
    imap_auth: ImapAuth = Field(
        "xoauth2", description="How to log in: OAuth 2 as `xoauth2` or `oauthbearer`, or `password`."
    )
    imap_password: SecretStr = Field(SecretStr(""), description="Password for `IMAP_AUTH=password`.")
    imap_tls: ImapTls = Field(
        "implicit",
        description="TLS from the first byte, after STARTTLS, or none (only to a server on the same machine).",
    )
    imap_ca_certs: str = Field("", description="CA file for a private IMAP server; empty for the system's.")
    imap_poll_interval_seconds: float = Field(
        60.0,
        gt=0,
        validation_alias=AliasChoices("IMAP_POLL_INTERVAL_SECONDS", "POLL_INTERVAL_SECONDS"),
        description="Seconds between polls; IDLE, where the server has it, "
        "wakes earlier. `POLL_INTERVAL_SECONDS` is accepted too.",
    )
    imap_reconcile_interval_seconds: float = Field(
        3600.0,
        gt=0,
        description="Seconds between full comparisons of a "
        "mailbox with the database: finds deletes and flag changes where "
        "the server cannot tell them, and repairs gaps.",
    )
    imap_timeout_seconds: float = Field(
        60.0, gt=0, description="Seconds without a byte after which an IMAP connection counts as dead."
    )

    # --- Google ------------------------------------------------------------------------------------------------
    google_client_id: str = Field("", description="OAuth client id (type: desktop app).")
    google_client_secret: SecretStr = Field(SecretStr(""), description="OAuth client secret.")
    google_redirect_uri: str = Field("http://127.0.0.1:0/", description="Loopback redirect; port 0 picks a free one.")
    google_token_file: str = Field("tokens/gmail_token.json", description="Where the encrypted token lies, mode 600.")
    google_service_account_file: str = Field(
        "",
        description="Key file (JSON) of a service account with domain-wide delegation, which acts for the account; "
        "empty: a person signs in.",
    )
    google_auth_uri: str = Field("https://accounts.google.com/o/oauth2/v2/auth", description="Authorization address.")
    google_token_uri: str = Field("https://oauth2.googleapis.com/token", description="Token address.")
    google_revoke_uri: str = Field("https://oauth2.googleapis.com/revoke", description="Revocation address.")
    gmail_user: str = Field("", description="Account of the Gmail API source; empty: `IMAP_USER`.")
    use_gmail_api: bool = Field(False, description="Read through the Gmail API instead of IMAP.")
    gmail_api_endpoint: str = Field(
        "", description="Address of the Gmail API, for a test server or a proxy; empty: Google's own."
    )
    gmail_query: str = Field(
        "",
        description="Only mails that Gmail finds by this are backfilled, as `after:2024/01/01`; new ones come all.",
    )
    gmail_since: date | None = Field(
        None, description="Only mails received on this day (`2024-01-31`, UTC) or later are backfilled; empty: all."
    )
    gmail_labels: str = Field(
        "", description="Only mails with one of these labels, names or ids, separated by commas; empty: all."
    )
    gmail_spam_and_trash: bool = Field(True, description="Read spam and trash too.")
    gmail_drafts: bool = Field(False, description="Read drafts too; each time one is saved it is another mail.")
    gmail_census_interval_seconds: float = Field(
        86_400.0,
        gt=0,
        description="Seconds between comparisons of a whole mailbox's ids and labels with the database.",
    )
    gmail_timeout_seconds: float = Field(
        60.0, gt=0, description="Seconds without a byte after which a call to the Gmail API counts as failed."
    )
    gmail_quota_profile: Literal["2026", "legacy"] = Field(
        "2026",
        description="Unit costs and budget of the Google project: `2026` (6,000 units a minute for each account), or "
        "`legacy` (250 a second), which projects keep that used the API before May 2026.",
    )
    gmail_quota_units_per_minute: int = Field(
        0, ge=0, description="Budget of each account in units a minute; 0 takes that of the profile."
    )
    gmail_concurrent_calls: int = Field(
        12, ge=1, le=100, description="Most calls under way for one account, over all processes."
    )
    gmail_backfill_share: float = Field(
        0.8, ge=0.01, le=1, description="Share of the quota that a backfill may use while new mail is being fetched."
    )
    gmail_census_share: float = Field(
        0.2, ge=0.01, le=1, description="Share of the quota that the routine census may use."
    )
    gmail_pubsub_topic: str = Field(
        "",
        pattern=r"^(projects/[a-z0-9.:-]+/topics/[A-Za-z0-9._~+%-]+)?$",
        description="Pub/Sub topic to which Gmail tells of changes, as `projects/PROJECT/topics/TOPIC`, so that new "
        "mail comes at once: see `docs/howto/gmail-push.md`. Empty: polling only.",
    )
    gmail_pubsub_subscription: str = Field(
        "",
        pattern=r"^(projects/[a-z0-9.:-]+/subscriptions/[A-Za-z0-9._~+%-]+)?$",
        description="Subscription of that topic which the producer pulls, as "
        "`projects/PROJECT/subscriptions/SUBSCRIPTION`; one serves all accounts. Empty: none is pulled.",
    )
    google_pubsub_credentials_file: str = Field(
        "",
        description="Key file (JSON) of a service account that may pull the subscription; the sign-in of a mailbox "
        "may not. Empty: none, which only a test server takes.",
    )
    pubsub_api_endpoint: str = Field(
        "", description="Address of Pub/Sub, for a test server or a proxy; empty: Google's own."
    )
    encryption_key: SecretStr = Field(
        SecretStr(""),
        description="Fernet keys that encrypt tokens at rest, newest "
        "first, separated by commas. Make one with `python -m src.cli keygen`.",
    )

    # --- Worker ------------------------------------------------------------------------------------------------
    consumer_group_name: str = Field("email_processor_group", min_length=1, description="Name of the consumer group.")
    consumer_name: str = Field("", description="Name of this consumer; empty: host and process id.")
    batch_size: int = Field(500, ge=1, le=1000, description="Most mails read, stored and settled in one go.")
    block_timeout_ms: int = Field(
        2000, ge=1, description="Milliseconds a read waits for new mail. More than 2000 counts as 2000."
    )
    lease_seconds: float = Field(
        60.0,
        ge=1,
        description="Seconds after which a silent worker's mails, or a silent "
        "producer's mailbox, go to another. Renewed at a third of it.",
    )
    work_timeout_seconds: float = Field(
        600.0,
        ge=5,
        description="Seconds after which a worker whose loop has not moved "
        "ends itself, so that its mails go to another.",
    )
    attachment_processes: int = Field(
        1, ge=1, le=16, description="Child processes of each worker in which attachments are read, one at a time each."
    )
    ocr_languages: str = Field(
        "eng",
        pattern=r"^[A-Za-z_]+(\+[A-Za-z_]+)*$",
        description="Languages of the words in pictures, by Tesseract's names, joined by +.",
    )
    ocr_dpi: int = Field(300, ge=72, le=600, description="Dots per inch at which a scanned page of a PDF is read.")
    ocr_max_pages: int = Field(20, ge=0, le=1000, description="Most pages of one attachment read by OCR; 0: none.")
    ocr_seconds: float = Field(
        120.0, ge=1, le=600, description="Most seconds of OCR for one attachment; pages left by then are not read."
    )
    clamav_socket: str = Field(
        "", description="Unix socket of ClamAV's clamd, to scan attachments for viruses; empty: see `CLAMAV_HOST`."
    )
    clamav_host: str = Field("", description="Host of clamd, where it has no Unix socket here; empty: no virus scan.")
    clamav_port: int = Field(3310, ge=1, le=65535, description="Port of clamd at `CLAMAV_HOST`.")
    clamav_when_down: WhenDown = Field(
        "wait",
        description="While clamd does not answer, mails with attachments `wait`, or `go_on`, marked `unscanned`.",
    )
    clamav_max_bytes: int = Field(
        25 * MIB,
        ge=1,
        description="Attachments above this size (bytes) are not scanned but marked `unscanned`; "
        "set it as `StreamMaxLength` of clamd.conf.",
    )
    max_crashes: int = Field(3, ge=1, description="Workers that may die over a mail before it is dead-lettered.")
    shutdown_grace_seconds: float = Field(25.0, gt=0, description="Seconds an ordered shutdown may take.")
    idempotency_ttl_seconds: int = Field(
        86_400,
        ge=60,
        description="Seconds for which a published mail's id is "
        "remembered, to spare the work of a repeat. The database alone is what keeps "
        "a mail from coming twice.",
    )
    max_mail_bytes: int = Field(
        200 * MIB,
        ge=MIB,
        description="A mail above this size (bytes) goes to the dead letters as `mail_too_large`: from IMAP it is not "
        "even fetched; what a file source brought keeps its raw mail, so that it can be replayed with a higher limit.",
    )

    # --- Retries and dead letters ------------------------------------------------------------------------------
    dlq_stream_name: str = Field("email_ingestion_dlq", min_length=1, description="Name of the dead-letter stream.")
    dlq_max_retry_attempts: int = Field(5, ge=0, description="Tries after the first before a mail is dead-lettered.")
    dlq_initial_backoff_seconds: float = Field(
        1.0, gt=0, description="Upper bound of the first wait, in seconds; each further one doubles it."
    )
    dlq_max_backoff_seconds: float = Field(300.0, gt=0, description="Upper bound of any wait, in seconds.")

    # --- Rules -------------------------------------------------------------------------------------------------
    rules_file: str = Field(
        "",
        description="TOML file with the rules that workers apply to each mail: see `docs/rules.md`. "
        "Empty: no rules. A change of it needs a restart of the workers.",
    )

    # --- Database ----------------------------------------------------------------------------------------------
    database_url: str = Field(
        "sqlite:///data/mail.db",
        description="SQLAlchemy address: `sqlite:///PATH` or `postgresql+psycopg://user@host/name`.",
    )

    # --- Watching ----------------------------------------------------------------------------------------------
    producer_metrics_port: int = Field(
        9090,
        ge=0,
        le=65535,
        description="Prometheus port of the producer, and of `python -m src.monitoring.metrics`; 0 serves none.",
    )
    producer_health_port: int = Field(8080, ge=0, le=65535, description="Health port of the producer; 0 serves none.")
    worker_metrics_port: int = Field(
        9091,
        ge=0,
        le=65535,
        description="Prometheus port of the worker; process N of `--processes` takes this port + N; 0 serves none.",
    )
    worker_health_port: int = Field(
        8081, ge=0, le=65535, description="Health port of the worker; process N takes this port + N; 0 serves none."
    )
    bind_address: str = Field("127.0.0.1", description="Address on which metrics and health are served.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level that is logged.")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`json`, `console`, or `auto`: console on a terminal, JSON elsewhere."
    )
    process_api_token: SecretStr = Field(SecretStr(""), description="Bearer token of the push endpoint.")

    @field_validator("redis_url")
    @classmethod
    def _known_redis_scheme(cls, value: str) -> str:
        known = ("redis://", "rediss://", "unix://", "redis+cluster://", "rediss+cluster://", "embedded:")
        if value and not value.startswith(known):
            raise ValueError(f"must begin with one of {', '.join(known)}")
        if value == "embedded:":
            raise ValueError("embedded: needs a folder, as in embedded:data/redis")
        return value

    @field_validator("gmail_since", mode="before")
    @classmethod
    def _a_day(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return date.fromisoformat(value) if value else None
        except ValueError as error:
            raise ValueError("must be a day, as 2024-01-31") from error

    @field_validator("gmail_quota_units_per_minute")
    @classmethod
    def _enough_units(cls, value: int) -> int:
        if 0 < value < 100:
            raise ValueError("must be 0 or at least 100, which is what the dearest call costs")
        return value

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if not value.startswith(("sqlite:///", "postgresql+psycopg://", "postgresql://")):
            raise ValueError("must begin with sqlite:/// or postgresql+psycopg://")
        return value.replace("postgresql://", "postgresql+psycopg://", 1)

    @field_validator("google_auth_uri", "google_token_uri", "google_revoke_uri", "gmail_api_endpoint")
    @classmethod
    def _protected_address(cls, value: str) -> str:
        if value and not _is_protected(value):
            raise ValueError("must begin with https:// (http:// only to this machine), since tokens go there")
        return value

    @property
    def mailboxes(self) -> tuple[str, ...]:
        """The mailboxes of `IMAP_MAILBOX`, in order, without blanks, each once.

        The INBOX in any case is one mailbox (RFC 9051 section 5.1): one name, for it is part of its mails' ids.
        """
        names = (name.strip() for name in self.imap_mailbox.split(",") if name.strip())
        return tuple(dict.fromkeys("INBOX" if name.upper() == "INBOX" else name for name in names))


def load(**overrides: object) -> Settings:
    """Read the settings; `overrides` (field names) win over the environment.

    Raises SettingsError with one line for every wrong setting: its name, what was found wrong, and what it means.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks the values
    except ValidationError as error:
        raise SettingsError(_all_mistakes(error)) from None


def _all_mistakes(error: ValidationError) -> str:
    head = "Some settings are wrong. Mend them in the environment or in .env (see docs/settings.md):"
    return "\n".join([head, *(f"  {name.upper()}: {said}" for name, said in said_of(error))])


def said_of(error: ValidationError) -> Iterator[tuple[str, str]]:
    """Yield for every mistake the name of the setting, in lower case, and what is expected; never a value."""
    for mistake in error.errors(include_input=False, include_url=False):
        name = "_".join(str(part) for part in mistake["loc"]).lower()
        field = Settings.model_fields.get(name)
        meaning = f" — {field.description}" if field and field.description else ""
        yield name, f"{_said_plainly(mistake['type'], mistake['msg'], field)}{meaning}"


def _is_protected(address: str) -> bool:
    """Tell whether nobody on the way can read what is sent to this address."""
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and (parts.scheme == "https" or _is_loopback_http(parts))
    except ValueError:  # its text would quote the address
        return False


def _is_loopback_http(parts: SplitResult) -> bool:
    return parts.scheme == "http" and parts.hostname in LOOPBACK


def _said_plainly(kind: str, text: str, field: FieldInfo | None) -> str:
    """Return what is expected, without the words of pydantic where there are better ones."""
    if kind == "value_error" or field is None:
        return text.removeprefix("Value error, ")
    if kind == "string_too_short":
        return "expected some text"
    number = "a whole number" if field.annotation is int else "a number" if field.annotation is float else ""
    expected = ", ".join(part for part in (number, bounds_of(field)) if part)
    return f"expected {expected}" if expected else text


def bounds_of(field: FieldInfo) -> str:
    """Return in words what values a setting may have; empty for any text."""
    if get_origin(field.annotation) is Literal:
        return "one of " + ", ".join(f"`{value}`" for value in get_args(field.annotation))
    if field.annotation is bool:
        return "`true` or `false`"
    bounds = {name: getattr(one, name) for one in field.metadata for name in ("ge", "gt", "le") if hasattr(one, name)}
    if "le" in bounds:
        return f"{bounds['ge']} to {bounds['le']}"
    return f"at least {bounds['ge']}" if "ge" in bounds else f"above {bounds['gt']}" if "gt" in bounds else ""
