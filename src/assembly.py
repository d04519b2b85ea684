"""The one place where settings become objects: stream, database, sources, producer, import, worker.

Nothing here decides anything about mail. Each `open_…` returns something that the caller closes; each `run_…` is the
whole of a command, from opening to the exit code.
"""



from src.common.logs import get_logger

log = get_logger(__name__)
