"""The values that travel between layers: frozen dataclasses, standard library only."""
