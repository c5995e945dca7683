"""Ways to run a loaded model, one file each."""
