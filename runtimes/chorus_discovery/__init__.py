"""Which V2 model servers a cluster has: its labelled Services, followed. Knows neither server.

account.py connects, cluster.py asks the API server, services.py reads one Service, follower.py
keeps one namespace, directory.py all of them.
"""
