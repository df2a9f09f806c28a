"""Log lines: what they carry, where that is kept, and how they are written."""
