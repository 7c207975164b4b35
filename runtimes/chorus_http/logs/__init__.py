"""Lines of log that hold nothing of a request, and the ids that join them."""
