"""A fault of ours in words that are safe to show: an unforeseen exception's message may quote the mail it choked on."""


def describe_fault(error: BaseException) -> str:
    """Return the type of an exception, and the function and line that raised it, innermost."""
    trace = error.__traceback__
    if trace is None:
        return type(error).__name__
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return f"{type(error).__name__} in {code.co_name} ({code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno})"
