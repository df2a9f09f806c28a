"""Pydantic models shared by the Saigon packages: queries, pages, ranges, problems."""

__version__ = "0.1.0"
