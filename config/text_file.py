"""A text file that a setting names: read whole, bounded, and refused in words that name the setting."""

import stat
from pathlib import Path

from config.settings import SettingsError

MOST_BYTES = 1024 * 1024  # of one file: a thousand accounts, or all rules, with all that can be said of them


def read_text_file(path: Path, name: str) -> tuple[str, int]:
    """Return the text of a file, and its mode bits; `name` is what a person calls it. Raises SettingsError."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # looked at first: to open a pipe would block
            found = "a folder" if stat.S_ISDIR(mode) else "a device, a pipe or the like"
            raise SettingsError(f"{name}: expected a text file, found {found}")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError as error:  # a relative path is looked for where the program was started: say where
        raise SettingsError(f"{name} cannot be read: {error.strerror}: {path.absolute()}") from error
    except OSError as error:
        raise SettingsError(f"{name} cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise SettingsError(f"{name} is larger than {MOST_BYTES} bytes")
    try:
        return content.decode("utf-8-sig"), mode  # editors under Windows begin a file with a byte order mark
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name} is not text in UTF-8, as TOML has to be") from error
