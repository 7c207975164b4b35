"""Stand-ins for any task: checkpoints of random weights, a second to make, never committed."""
