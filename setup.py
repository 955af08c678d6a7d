"""Build the compiled kernels; everything else about the package stands in pyproject.toml.

Two switches, both environment variables:

LSTM97_ARCH    instruction set for the compiler's -march; default "native", the machine that builds.
               Any other choice, "x86-64" for instance, gives the same results, only slower.
LSTM97_DEBUG   set to 1: bounds checks and line tracing (coverage) in the kernels.
"""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ARCH = os.environ.get("LSTM97_ARCH", "native")
DEBUG = os.environ.get("LSTM97_DEBUG", "0") == "1"

EXTENSIONS = {
    "lstm97._math": ["lstm97/_math.pyx"],
    "lstm97._core": ["lstm97/_core.pyx"],
    "lstm97._batch": ["lstm97/_batch.pyx"],
    "lstm97._chunker": ["lstm97/_chunker.pyx"],
    "lstm97._cascade": ["lstm97/_cascade.pyx"],
}

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "wraparound": False,
    "initializedcheck": DEBUG,
    "cdivision": True,
    "linetrace": DEBUG,
    "freethreading_compatible": True,
}

# The same bits everywhere: no fused multiply-add but those written out, no reordering of sums.
# What is switched off beside that (errno, traps) changes no value; it lets fma be inlined.
FLAGS = {
    "unix": [
        "-O3",
        f"-march={ARCH}",
        "-ffp-contract=off",
        "-fno-math-errno",
        "-fno-trapping-math",
    ],
    "msvc": ["/O2", "/fp:precise"],
}


class BuildKernels(build_ext):
    """Give every extension the flags of the compiler that was found."""

    def build_extensions(self):
        kind = "msvc" if self.compiler.compiler_type == "msvc" else "unix"
        for extension in self.extensions:
            extension.extra_compile_args = FLAGS[kind]
        super().build_extensions()


setup(
    ext_modules=cythonize(
        [
            Extension(
                name,
                sources,
                include_dirs=["lstm97"],
                depends=["lstm97/_math.h", "lstm97/_layer.h"],
                define_macros=[("CYTHON_TRACE_NOGIL", "1")] if DEBUG else [],
            )
            for name, sources in EXTENSIONS.items()
        ],
        compiler_directives=DIRECTIVES,
        build_dir="build/c",
        # Without force, C made with the other setting of LSTM97_DEBUG would be taken again.
        force=True,
    ),
    cmdclass={"build_ext": BuildKernels},
)
