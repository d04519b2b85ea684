"""The IMAP source: what to read of a mailbox and in what order. See docs/imap-source.md; start at look.py."""
