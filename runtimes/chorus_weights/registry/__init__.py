"""Models of an MLflow server: which version a name means now, and its files as a checkpoint."""
