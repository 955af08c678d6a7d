"""Build the compiled kernels; everything else about the package stands in pyproject.toml.

Three switches, all environment variables:

LSTM97_ARCH      instruction set for the compiler's -march; default "native", the machine that
                 builds. Any other, "x86-64" for instance, gives the same results, only slower.
LSTM97_VARIANTS  for wheels: more instruction sets, separated by commas, "x86-64-v3,x86-64-v4" for
                 instance. The kernels are compiled once more for each, and
                 lstm97/_kernels/__init__.py chooses at import. Needs GCC 12 or Clang 18, or later.
LSTM97_DEBUG     set to 1: bounds checks, line tracing (coverage), debug symbols in the kernels.
"""

import os
import shutil
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ARCH = os.environ.get("LSTM97_ARCH", "native")
VARIANTS = list(filter(None, os.environ.get("LSTM97_VARIANTS", "").split(",")))
DEBUG = os.environ.get("LSTM97_DEBUG", "0") == "1"

# The kernels; variants are compiled of each.
KERNELS = [
    "lstm97._core",
    "lstm97._kernels.batch",
    "lstm97._kernels.cascade",
    "lstm97._kernels.chunker",
    "lstm97._kernels.data",
    "lstm97._kernels.net",
    "lstm97._kernels.stream",
    "lstm97._kernels.team",
    "lstm97._kernels.vectors",
]
EXTENSIONS = {name: [name.replace(".", "/") + ".pyx"] for name in KERNELS}
# Compiled once, for every processor. Cython writes its typed memoryviews into one module that the
# kernels share, not into each of them; and something has to choose among the variants.
SHARED = "lstm97._kernels.shared"
SUPPORT = {SHARED: ["lstm97/_kernels/shared.c"]}
if VARIANTS:
    SUPPORT["lstm97._kernels.cpu"] = ["lstm97/_kernels/cpu.pyx"]

C_FILES = Path("build/c")

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
        "-g" if DEBUG else "-g0",
        "-ffp-contract=off",
        "-fno-math-errno",
        "-fno-trapping-math",
    ],
    "msvc": ["/O2", "/fp:precise"],
}


class BuildKernels(build_ext):
    """Give every extension the flags of the compiler that was found."""

    def run(self):
        if VARIANTS and self.inplace:
            raise SystemExit("LSTM97_VARIANTS is for wheels: they are not built in place")
        # A wheel takes all that lies there, variants of an earlier build as well.
        shutil.rmtree(Path(self.build_lib, "lstm97", "_variants"), ignore_errors=True)
        super().run()

    def build_extensions(self):
        is_msvc = self.compiler.compiler_type == "msvc"
        if VARIANTS and is_msvc:
            raise SystemExit("LSTM97_VARIANTS needs GCC or Clang")
        for extension in self.extensions:
            arch = extension.extra_compile_args
            extension.extra_compile_args = FLAGS["msvc"] if is_msvc else FLAGS["unix"] + arch
        super().build_extensions()


def extension(name, sources, arch=ARCH):
    """Return what compiles sources for an instruction set."""
    return Extension(
        name,
        sources,
        include_dirs=["lstm97/_kernels"],
        depends=[str(header) for header in Path("lstm97/_kernels").glob("*.h")],
        define_macros=[("CYTHON_TRACE_NOGIL", "1")] * DEBUG,
        extra_compile_args=[f"-march={arch}", f'-DINSTRUCTION_SET="{arch}"'],
    )


def variant(kernel, arch):
    """Return what compiles a kernel's C again, from a copy: object files are named after it."""
    folder = C_FILES / arch
    folder.mkdir(parents=True, exist_ok=True)
    copies = [shutil.copy(source, folder) for source in kernel.sources]
    module = kernel.name.removeprefix("lstm97.")
    return extension(f"lstm97._variants.{arch}.{module}", copies, arch)


extensions = cythonize(
    [extension(name, sources) for name, sources in (EXTENSIONS | SUPPORT).items()],
    compiler_directives=DIRECTIVES,
    build_dir=str(C_FILES),
    shared_utility_qualified_name=SHARED,
    # Without force, C made with the other setting of LSTM97_DEBUG would be taken again.
    force=True,
)
variants = [variant(e, arch) for arch in VARIANTS for e in extensions if e.name in EXTENSIONS]

setup(ext_modules=extensions + variants, cmdclass={"build_ext": BuildKernels})
