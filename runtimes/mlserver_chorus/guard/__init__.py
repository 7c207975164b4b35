"""What stands between the network and MLServer's handlers, over REST and gRPC alike.

Every error body is `{"error": …}` without the caller's input, a path or another library's words;
what MLServer would answer with UNKNOWN or not at all gets its proper status.
"""
