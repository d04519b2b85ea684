"""Where mail comes from: each source turns a wire into Batches of Envelopes. One file a source."""
