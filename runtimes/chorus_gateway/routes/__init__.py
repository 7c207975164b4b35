"""Routes of the gateway, one file each."""
