"""What Chorus is made of: the lock, the audit against published holes, the bill of materials."""
