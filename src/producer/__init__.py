"""The loop that moves Batches from a source into the stream, and its cursors with them."""
