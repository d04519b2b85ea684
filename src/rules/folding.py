"""Folding: the form in which texts of mails and of rules are compared, so that case does not count."""

import unicodedata


def folded(text: str) -> str:
    """Return `text` as it is compared: without case, and in NFC, which a rules file may not be in."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFC", text.casefold())
