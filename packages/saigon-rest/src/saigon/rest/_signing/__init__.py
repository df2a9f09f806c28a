"""AWS Signature Version 4, whichever library sends what is signed."""
