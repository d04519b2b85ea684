"""The wire to the Gmail API, and the governor of its quota. Knows no Envelope."""
