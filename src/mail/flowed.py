"""format=flowed (RFC 3676): soft-broken lines joined again, quotes kept apart."""


def joined(text: str, *, delsp: bool) -> str:
    """Return `text` with its soft line breaks (a space before the break) undone; `delsp` deletes that space."""
    pieces: list[str] = []
    flowing = False  # the line before ended softly
    depth_before = 0
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        is_signature = content == "-- "
        if not flowing or depth != depth_before or is_signature:
            pieces.append("\n" + ">" * depth + (" " if depth and content else ""))
        flowing = content.endswith(" ") and not is_signature
        pieces.append(content[:-1] if flowing and delsp else content)
        depth_before = depth
    return "".join(pieces)[1:]
