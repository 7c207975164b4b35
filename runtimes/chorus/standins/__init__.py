"""Small stand-ins for the five real models, trained on text of our own."""
