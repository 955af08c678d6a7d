"""Sequences and targets: containers, and the checks of what users give."""
