"""The user's own files as tasks: their rows read once, strictly, and kept as typed Arrow tables."""
