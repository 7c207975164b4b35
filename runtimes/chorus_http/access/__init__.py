"""Who may call what, how often, and how much at once."""
