"""The worker, put together: `worker.py`."""

from config.settings import Settings
from src.assembly.rules import decide_of, rules_of
from src.assembly.services import in_time, open_store, open_stream, serve
from src.attachments import temp_files
from src.attachments.clamav import ClamAv
from src.attachments.keep import Keeper
from src.attachments.limits import Limits, Ocr
from src.attachments.reuse import Reuse
from src.attachments.sandbox.pool import Pool
from src.common import exit_codes
from src.common.beats import Beats
from src.common.clock import SystemClock
from src.common.errors import IngestError
from src.common.exit_codes import exit_code_of
from src.common.instruments import RULES_MATCHED
from src.common.interpreter import share_one_heap
from src.common.logs import get_logger
from src.common.shutdown import Shutdown
from src.mail.parse import parse
from src.rules.rule import Rules
from src.store.protocol import Store
from src.worker.build import build as build_worker
from src.worker.prepare import Prepare
from src.worker.processes import watch_parent

log = get_logger(__name__)


def limits_of(settings: Settings) -> Limits:
    """Return the bounds of attachments."""
    return Limits(
        ocr=Ocr(settings.ocr_languages, settings.ocr_dpi, settings.ocr_max_pages, settings.ocr_seconds),
    )


def scanner_of(settings: Settings) -> ClamAv | None:
    """Return the virus scanner; None if none is set up."""
    if not settings.clamav_socket and not settings.clamav_host:
        return None
    address = settings.clamav_socket or (settings.clamav_host, settings.clamav_port)
    return ClamAv(address, waits=settings.clamav_when_down == "wait", max_bytes=settings.clamav_max_bytes)


def keeper_of(settings: Settings, store: Store) -> Keeper:
    """Return what keeps attachments; the caller closes it."""
    return Keeper(
        Pool(settings.attachment_processes),
        limits_of(settings),
        scanner=scanner_of(settings),
        reuse=Reuse(store.extraction_of),
    )


def _begun_with(rules: Rules | None) -> Rules | None:
    """Say how many rules there are, and have each counted from 0 on, so that its first match shows as an increase."""
    for rule in rules.rules if rules else ():
        RULES_MATCHED.labels(rule.name)
    if rules is not None:
        log.info("rules_read", rules=len(rules.rules))
    return rules


def run_worker(settings: Settings, *, drain: bool = False) -> int:
    """Run a worker, watched and stoppable by signals, to its end; return the exit code.

    A Redis or database that is away at the start is waited for, unless `drain`. Raises SettingsError for wrong rules.
    """
    decide = decide_of(_begun_with(rules_of(settings)))
    clock, shutdown = SystemClock(), Shutdown()
    beats = Beats(clock)
    shutdown.listen()
    share_one_heap()
    watch_parent(shutdown)
    try:
        stream = in_time(lambda: open_stream(settings, name="worker"), shutdown, once=drain)
        store = in_time(lambda: open_store(settings, decide=decide), shutdown, once=drain)
    except IngestError as error:
        log.error("worker_not_started", code=error.code, error=str(error))
        return exit_code_of(error)
    if stream is None or store is None:
        return exit_codes.OK
    keeper = keeper_of(settings, store)
    worker = build_worker(
        settings,
        stream=stream,
        store=store,
        prepare=Prepare(parse, keeper.keep, keeper.now, leave=keeper.leave, decide=decide),
        shutdown=shutdown,
        beats=beats,
        clock=clock,
        drain=drain,
        sweep=lambda: temp_files.sweep(temp_files.own_folder()),
        interrupt_slow=keeper.close,
        close_stream=stream.close,
    )
    served = serve(
        settings,
        metrics_port=settings.worker_metrics_port,
        health_port=settings.worker_health_port,
        beats=beats,
        stream=stream,
        store=store,
    )
    try:
        return worker.run(served)
    finally:
        keeper.close()
