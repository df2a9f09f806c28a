"""Passwords, challenges, second factors and devices in, tokens out; and tokens renewed."""
