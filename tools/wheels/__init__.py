"""Check built wheels: what is in them, each alone, and in mixes: ``python -m tools.wheels``."""
