"""What a request is for: the stage, the route, and whether it is one that can be served."""
