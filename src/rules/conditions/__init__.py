"""Conditions: what may stand under `when`. One file and one line of the registry each."""
