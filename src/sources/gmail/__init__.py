"""The Gmail API as a source of mail."""
