"""Hardware profilers, one file each, and the one way to run them: `measure.profile`."""
