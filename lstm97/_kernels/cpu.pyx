"""The levels of x86-64 that the processor and the operating system support.

This module is compiled only if variants are requested (see setup.py), and needs GCC 12 or Clang 18.
"""

cdef extern from *:
    """
    #define HAS_V3 __builtin_cpu_supports("x86-64-v3")
    #define HAS_V4 __builtin_cpu_supports("x86-64-v4")
    """
    bint HAS_V3, HAS_V4

# From the slowest to the fastest; a level includes those before it.
SUPPORTED = [name for name, has in [("x86-64-v3", HAS_V3), ("x86-64-v4", HAS_V4)] if has]
