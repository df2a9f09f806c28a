"""Who is calling: the sources of identities, and the rules by which they are believed."""
