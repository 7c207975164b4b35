"""The load generator: connection → client → closed loop or arrivals → report."""
