"""Checkpoints: where they come from, which bytes they are, whether they may be read."""
