"""From disk to tensors; text is data."""
