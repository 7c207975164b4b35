"""What every HTTP connection is held to: heads, bodies, JSON, hosts, and the time for each."""
