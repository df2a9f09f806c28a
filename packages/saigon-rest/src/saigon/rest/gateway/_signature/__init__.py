"""Verify a Signature Version 4 as API Gateway does: over what arrived, and over nothing else.

See Also:
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""
