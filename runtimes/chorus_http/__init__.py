"""What the HTTP of both servers has in common: its timers, its limits, what callers say in headers.

Knows neither the gateway nor the plugin.
"""
