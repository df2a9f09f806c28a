"""Keyset pages: a listing read on from a row's key."""
