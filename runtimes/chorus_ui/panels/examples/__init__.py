"""What the tabs show at one click; the pictures and sounds are made by this package itself."""
