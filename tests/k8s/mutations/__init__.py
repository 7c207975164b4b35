"""Each thing broken once."""
