"""What a call is and what its answer means, whichever library carries them."""
