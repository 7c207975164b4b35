"""Trainings and the models that they come to, written down in MLflow."""
