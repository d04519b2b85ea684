"""The one place where settings become objects: one file a command, `services.py` for what they share."""
