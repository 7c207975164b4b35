"""The web page: every model of a gateway to try, for people."""
