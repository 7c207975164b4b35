"""The chorus command line."""
