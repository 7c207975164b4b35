"""Chorus beside its peers: one load, the same weights, every reply checked."""
