"""MLServer runtimes for Hugging Face models on one shared, exact engine."""
