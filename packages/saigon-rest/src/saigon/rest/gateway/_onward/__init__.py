"""What reaches the service: the request, and what API Gateway says of it."""
