"""Containers of sequences and of targets, and checks of the arrays that users pass."""
