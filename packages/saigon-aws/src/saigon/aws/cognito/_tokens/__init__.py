"""Tokens read and verified."""
