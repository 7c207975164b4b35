"""Sequence classifiers from labelled texts: trained, judged, and written as checkpoints."""
