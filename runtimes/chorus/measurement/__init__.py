"""What `chorus bench` does: server → probe → rounds → results, shown."""
