"""The inference engine: tokenise, batch, forward. Knows neither MLServer nor HTTP."""
