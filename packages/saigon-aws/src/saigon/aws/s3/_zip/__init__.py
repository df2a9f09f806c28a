"""Archives: read out of a stream, checked, and extracted."""
