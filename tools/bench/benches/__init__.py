"""One module per subject; each registers its benches."""
