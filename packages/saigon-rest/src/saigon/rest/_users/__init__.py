"""Users that are logged in, and calls made as one of them."""
