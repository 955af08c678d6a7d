"""Fitted nets that leave Python: as C, as ONNX, or as a module of PyTorch.

Import from here what you need; ONNX and PyTorch are loaded when their functions are called.
"""

from lstm97.export.c import to_c

__all__ = ["to_c"]
