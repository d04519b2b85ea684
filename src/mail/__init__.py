"""Raw mail to a Message: an own, bounded, iterative MIME splitter and what reads from its offsets."""
