"""Units of work: where one may be used, whether it may be committed, what runs as one."""
