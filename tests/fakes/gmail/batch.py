"""The batch endpoint: many calls in one multipart/mixed request, each with its own status in the answer.

Each part counts as a call of its own for the quota, and all of them as running at the same moment.
"""

import email
import email.policy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.message import Message
from http import HTTPStatus
from uuid import uuid4

from tests.fakes.gmail.answer import Answer, Request, error_answer
from tests.fakes.gmail.errors import bad_request
from tests.fakes.gmail.service import Service

LARGEST_BATCH = 100  # calls, Google's limit
PATHS = ("/batch", "/batch/gmail/v1")
METHOD = "batch"  # its name for faults


@dataclass(frozen=True)
class _Part:
    content_id: str
    request: Request


def answer_batch(service: Service, request: Request) -> Answer:
    """Answer all parts of a batch."""
    fault = service.faults.pick(METHOD)
    if fault is not None:
        return fault(lambda: _answer(service, request))
    return _answer(service, request)


def _answer(service: Service, request: Request) -> Answer:
    parts = list(_parts(request))
    if not 0 < len(parts) <= LARGEST_BATCH:
        return error_answer(bad_request(f"The batch must hold 1 to {LARGEST_BATCH} calls, not {len(parts)}."))
    answers = [service.answer(part.request) for part in parts]
    boundary = f"batch_{uuid4().hex}"
    content = b"".join(_printed(part, answer, boundary) for part, answer in zip(parts, answers, strict=True))
    return Answer(
        content + f"--{boundary}--\r\n".encode(),
        headers={"Content-Type": f"multipart/mixed; boundary={boundary}"},
        delay_s=max(answer.delay_s for answer in answers),
        cut_after=next((answer.cut_after for answer in answers if answer.cut_after is not None), None),
        drip_pause_s=max(answer.drip_pause_s for answer in answers),
    )


def _parts(request: Request) -> Iterator[_Part]:
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    whole = email.message_from_bytes(head + request.content, policy=email.policy.compat32)
    for part in whole.get_payload() if whole.is_multipart() else []:
        if isinstance(part, Message):
            inner = part.get_payload(decode=True)
            yield _Part(
                content_id=part["Content-ID"] or "", request=_inner(inner if isinstance(inner, bytes) else b"", request)
            )


def _inner(content: bytes, outer: Request) -> Request:
    """Read the request in a part; what it does not say of its caller, the batch's own head says."""
    line, _, rest = content.partition(b"\n")
    http_method, target, *_ = [*line.decode("ascii", "replace").split(), "", ""]
    parsed = email.message_from_bytes(rest, policy=email.policy.compat32)
    headers = {name.lower(): str(value) for name, value in parsed.items()}
    body = parsed.get_payload(decode=True)
    request = Request(http_method, target, headers, body.strip() if isinstance(body, bytes) else b"")
    if "authorization" not in headers and "authorization" in outer.headers:
        return replace(request, headers={**headers, "authorization": outer.headers["authorization"]})
    return request


def _printed(part: _Part, answer: Answer, boundary: str) -> bytes:
    phrase = HTTPStatus(answer.status).phrase
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    content_id = f"<response-{part.content_id.removeprefix('<')}"
    head = (
        f"--{boundary}\r\nContent-Type: application/http\r\nContent-ID: {content_id}\r\n\r\n"
        f"HTTP/1.1 {answer.status} {phrase}\r\n{headers}Content-Length: {len(answer.content)}\r\n\r\n"
    )
    return head.encode() + answer.content + b"\r\n"
