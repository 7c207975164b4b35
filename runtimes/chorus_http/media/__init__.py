"""Images and recordings as both servers take them: by their first bytes, within limits.

`formats.py` says which. An image: `bare.py` takes off what makes no pixels, `images.py` reads its
size, then decodes it, and `orientation.py` says how it stands.
"""
