"""Rows of one table, written in the way that each database has for many of them."""
