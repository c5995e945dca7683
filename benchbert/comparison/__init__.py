"""Two models on the same examples: who is better, by how much, on which examples, and what a student keeps.

Everything here starts from predictions that predict jobs stored, never from two scores.
"""
