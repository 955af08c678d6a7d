"""Build the compiled kernels. All other settings of the package are in pyproject.toml.

Three environment variables change the build:

LSTM97_ARCH      Instruction set for the compiler's -march. The default, "native", is that of the
                 machine that builds. Others, such as "x86-64", give the same results, but slower.
                 If it is empty, there is no -march: a compiler for another machine does not know
                 "native", and Zig's has -mcpu instead, which belongs into CC.
LSTM97_VARIANTS  For wheels: more instruction sets, separated by commas, such as
                 "x86-64-v3,x86-64-v4". The kernels are compiled once more for each of them, and
                 lstm97/_kernels/__init__.py chooses one at import. This needs GCC 12 or Clang 18,
                 or a later version.
LSTM97_DEBUG     If it is 1, the kernels have bounds checks, line tracing (for coverage) and debug
                 symbols.

To build for another machine, CC names the compiler with the place of that Python's headers, and
SETUPTOOLS_EXT_SUFFIX is how the names of its modules end; for Windows, LDFLAGS names Python's DLL.
.ci/platforms does so.
"""

import os
import shutil
import subprocess
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ARCH = os.environ.get("LSTM97_ARCH", "native")
VARIANTS = list(filter(None, os.environ.get("LSTM97_VARIANTS", "").split(",")))
DEBUG = os.environ.get("LSTM97_DEBUG", "0") == "1"

# The kernels, each of which is compiled for every variant.
KERNELS = [
    "lstm97._core",
    "lstm97._kernels.abreast",
    "lstm97._kernels.batch",
    "lstm97._kernels.cascade",
    "lstm97._kernels.chunker",
    "lstm97._kernels.data",
    "lstm97._kernels.follower",
    "lstm97._kernels.four",  # only where the others have eight doubles per vector
    "lstm97._kernels.net",
    "lstm97._kernels.single",
    "lstm97._kernels.stream",
    "lstm97._kernels.team",
    "lstm97._kernels.vectors",
]
EXTENSIONS = {name: [name.replace(".", "/") + ".pyx"] for name in KERNELS}
# Modules that are compiled only once, for all processors: Cython's typed memoryviews, which it puts
# into one module that the kernels share, and the module that chooses among the variants.
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

# Results must be the same bits everywhere, so the compiler may neither reorder sums nor add fused
# multiply-adds to those that are written out. Switching off errno and traps changes no value; it
# lets the compiler inline fma.
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
    """Build command that gives every extension the flags of the compiler that was found."""

    def finalize_options(self):
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def run(self):
        if VARIANTS and self.inplace:
            raise SystemExit("LSTM97_VARIANTS is for wheels and cannot be used with --inplace")
        # A wheel would also contain the variants of an earlier build.
        shutil.rmtree(Path(self.build_lib, "lstm97", "_variants"), ignore_errors=True)
        super().run()

    def build_extensions(self):
        is_msvc = self.compiler.compiler_type == "msvc"
        if VARIANTS and is_msvc:
            raise SystemExit("LSTM97_VARIANTS needs GCC or Clang")
        self.extensions = [e for e in self.extensions if not is_four(e.name) or self.is_wide(e)]
        for extension in self.extensions:
            arch = extension.extra_compile_args
            extension.extra_compile_args = FLAGS["msvc"] if is_msvc else FLAGS["unix"] + arch
        super().build_extensions()

    def is_wide(self, extension):
        """Tell whether vectors.h chooses eight doubles per vector for an instruction set."""
        if self.compiler.compiler_type == "msvc":
            return False
        # Where a compiler looks for the header of a program that it reads from a pipe differs.
        options = [*extension.extra_compile_args, "-I.", "-E", "-x", "c", "-"]
        command = [*self.compiler.compiler_so, *options]
        code = '#include "lstm97/_kernels/vectors.h"\nLANES'
        run = subprocess.run(command, input=code, check=True, stdout=subprocess.PIPE, text=True)
        return run.stdout.split()[-1] == "8"


def is_four(name):
    """Tell whether an extension is for vectors of four doubles."""
    return name.endswith("._kernels.four")


def extension(name, sources, arch=ARCH):
    """Return the extension that compiles sources for an instruction set."""
    return Extension(
        name,
        sources,
        include_dirs=["lstm97/_kernels"],
        depends=[str(header) for header in Path("lstm97/_kernels").glob("*.h")],
        define_macros=[("CYTHON_TRACE_NOGIL", "1")] * DEBUG + [("LANES", "4")] * is_four(name),
        extra_compile_args=[f"-march={arch}", f'-DINSTRUCTION_SET="{arch}"'] if arch else [],
    )


def variant(kernel, arch):
    """Return the extension that compiles a kernel's C again, for another instruction set.

    It compiles a copy of the C file, because the object file is named after it.
    """
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
    # Without force, Cython would reuse C files made with another value of LSTM97_DEBUG.
    force=True,
)
variants = [variant(e, arch) for arch in VARIANTS for e in extensions if e.name in EXTENSIONS]

setup(ext_modules=extensions + variants, cmdclass={"build_ext": BuildKernels})
