"""One file per peer; see base.py for what a peer has to say about itself."""
