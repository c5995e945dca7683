"""Results on disk, the table made of them, and where they came from."""
