"""From models to rows, whose fault an error is, and the tables of the forwarder itself."""
