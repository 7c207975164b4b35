"""Model servers that the cluster names: `servers.py` says who they are and by which names they are
called, `models.py` asks them which models they have, `following.py` keeps both up to date.
"""
