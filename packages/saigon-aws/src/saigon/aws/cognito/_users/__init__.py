"""Users and groups: made, found, changed, removed, by an administrator or by themselves."""
