"""Tasks, and the way from their rows to tensors, from logits to predictions, and from predictions to scores."""
