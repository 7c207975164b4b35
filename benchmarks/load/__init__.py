"""The load generator: connection → client → closed loop or arrivals → report. 127.0.0.1 only."""
