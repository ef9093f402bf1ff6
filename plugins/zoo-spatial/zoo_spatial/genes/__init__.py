"""Genes: which are predicted and on which scale, what they are called, and how predictions of them are scored."""
