"""The Redis stream protocol: tickets, raw mails, retries, dead letters, leases, cursors."""
