"""How well an encoder finds what belongs together, measured through the store that serves it."""
