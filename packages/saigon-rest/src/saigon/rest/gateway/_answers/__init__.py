"""What API Gateway answers in place of the service, in the words of both kinds of API."""
