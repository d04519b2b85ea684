"""The IMAP wire: session, streaming FETCH reader, IDLE, UID sets. Knows no Envelope."""
