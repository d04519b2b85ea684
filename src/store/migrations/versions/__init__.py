"""One file a step; the number in the name is the revision."""
