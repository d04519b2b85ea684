"""Actions: what a rule that matches does to the decision on a mail."""
