"""Where the gateway goes because a caller sent a URL: every such call passes here.

`text.py` reads the URL, once; `allowed.py` says whether it is on a list of the operator's;
`networks.py` which addresses its host may be at, which `lookup.py` and `connecting.py` hold every
connection to. `sessions.py` puts them together for who sends: `upstream/` for `model_deployed_url`,
`media/` for images and recordings. `loops.py` is the other end: a gateway answers no gateway.
"""
