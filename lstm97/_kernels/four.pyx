"""The functions of single.pyx for four doubles per vector; setup.py sets LANES."""

include "single.pyx"
