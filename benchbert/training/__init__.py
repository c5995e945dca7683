"""Everything that trains or predicts: one loop, batches by token budget, fine-tuning, pre-training, prediction."""
