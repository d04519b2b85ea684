"""Bytes to clean text: charsets, HTML to text, normalisation. Shared by mail bodies and attachments."""
