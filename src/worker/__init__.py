"""The loop that takes tickets from the stream, parses, stores, and settles them."""
