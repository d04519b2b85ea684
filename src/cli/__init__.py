"""The operator's commands: python -m src.cli."""
