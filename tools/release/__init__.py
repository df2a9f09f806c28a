"""Release one package: ``python -m tools.release saigon-orm 0.2.0``."""
