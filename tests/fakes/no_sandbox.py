"""A sandbox that reads nothing, for tests and benchmarks of everything else: attachments that need one are skipped."""

from pathlib import Path

from src.attachments.extractor import Content
from src.attachments.keep import Keeper
from src.attachments.limits import DEFAULT, Limits
from src.model.extraction import Attachment, AttachmentPart, Extracted, Extraction

NOT_READ = Extraction(Extracted.SKIPPED, reason="unsupported_type")


class NoSandbox:
    """Plays `Sandbox`; notes the media types that came, and the seconds they had."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.seconds: list[float] = []

    def take_out(self, content: Content, limits: Limits, seconds: float) -> Extraction:
        self.asked.append(content.content_type)
        self.seconds.append(seconds)
        return NOT_READ

    def close(self) -> None:
        pass


def keep(part: AttachmentPart, limits: Limits = DEFAULT, temp_dir: Path | None = None) -> Attachment:
    """Keep a part whose text, if it has any, is read without a sandbox."""
    return Keeper(NoSandbox(), limits, temp_dir).keep(part)
