"""An orders service, whole: signed HTTP, a queue, zip uploads, a database, pages."""
