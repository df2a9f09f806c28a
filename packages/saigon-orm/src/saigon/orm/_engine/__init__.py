"""Engines: where a database is, who logs in, how connections are opened, pinged and bounded."""
