"""Distillation: losses, layer maps, the first weights of a student, and the job that trains it."""
