"""Texts for the faulty models: any text at all, but none of the words that make them fail."""

from __future__ import annotations

from hypothesis import strategies as st

# The words of faulty/chorus_faulty.py, which Hypothesis finds in the source and likes to try.
FAULTS = ("sleep:", "oom:", "rows:", "hang", "poison", "nan", "lost")


def harmless(text: str) -> bool:
    return not any(fault in text for fault in FAULTS)


TEXTS = st.text(st.characters(codec="utf-8"), max_size=200).filter(harmless)
