"""The strict queue: what it keeps, what it answers, and the server in front of it."""
