"""Rules: what a user wants done with mails of a kind. They decide; others carry it out."""
