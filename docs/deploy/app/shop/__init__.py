"""What is deployed: your messages, your table, and the function that forwards them."""
