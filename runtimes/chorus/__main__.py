"""`python -m chorus` is `chorus`."""

from chorus.cli import app

app(prog_name="chorus")
