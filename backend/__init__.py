"""Settings, catalogue, vector stores, originals, the HTTP API and the command line."""
