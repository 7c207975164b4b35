"""What the gateway asks of model servers: where they are, how they are called, what they say."""
