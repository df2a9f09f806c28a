"""Files to pre-signed URLs and forms of S3."""
