"""OpenTelemetry traces; off, and not even imported, unless a collector is named."""
