"""The queue: its requests, and the answers that it is given."""
