"""Nets, learning rules and the training loop."""
