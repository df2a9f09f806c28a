"""The worker: threads that receive, hold, write and settle."""
