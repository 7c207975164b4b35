"""The HTTP gateway in front of V2 model servers."""
