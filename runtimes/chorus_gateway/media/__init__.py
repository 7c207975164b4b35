"""Images and audio that callers send: found, fetched, bounded, and checked before they travel on.

`reader.py` leads: text → `encoded.py` or `fetch.py` (by way of `outbound/`) → bytes →
`files.py` (by way of `chorus_http/media`).
"""

from chorus_gateway.media.limits import MOST_PIXELS, MediaLimits
from chorus_gateway.media.reader import MediaReader

__all__ = ["MOST_PIXELS", "MediaLimits", "MediaReader"]
