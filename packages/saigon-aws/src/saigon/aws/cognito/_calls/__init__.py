"""How one call is made: arguments checked, sent, its answer or error read."""
