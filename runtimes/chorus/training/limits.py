"""How much a table may be; each keeps a slip from filling the memory."""

MOST_BYTES = 512 << 20
"""Of a file, unpacked."""
MOST_ROWS = 1_000_000
MOST_LABELS = 1_000
LONGEST_TEXT = 100_000
"""In characters; no classifier reads a hundredth of it."""
LONGEST_LABEL = 200
"""In characters; longer ones are texts in the wrong column."""
