"""What the long fault run is made of, see docs/howto/run-the-torture.md."""
