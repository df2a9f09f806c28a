"""A message as it was delivered, and the model that it holds."""
