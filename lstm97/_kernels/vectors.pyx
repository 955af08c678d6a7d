"""The kernels' exp, log and squashing functions, element by element, for tests and for Python."""

cdef extern from *:
    """
    #if defined(__clang__)
    #define COMPILER __VERSION__
    #elif defined(__GNUC__)
    #define COMPILER "GCC " __VERSION__
    #elif defined(_MSC_VER)
    #define COMPILER "MSVC"
    #else
    #define COMPILER "unknown"
    #endif
    #ifndef INSTRUCTION_SET /* setup.py sets it along with -march */
    #define INSTRUCTION_SET "the compiler's default"
    #endif
    """
    const char *COMPILER
    const char *INSTRUCTION_SET
    int CYTHON_HEX_VERSION

N_LANES = LANES

# How the kernels were compiled.
BUILD = {
    "instruction set": INSTRUCTION_SET.decode(),
    "doubles per vector": LANES,
    "compiler": COMPILER.decode(),
    "cython": ".".join(str(CYTHON_HEX_VERSION >> bits & 255) for bits in (24, 16, 8)),
}


def exp(const double[::1] x, double[::1] y):
    """Write exp(x) to y (OUT); x beyond +-708 is taken as +-708."""
    cdef Py_ssize_t i
    if x.shape[0] != y.shape[0]:
        raise ValueError("one length expected")
    for i in range(x.shape[0]):
        y[i] = exp_(x[i])


def log(const double[::1] x, double[::1] y):
    """Write the natural logarithm of x, positive normal numbers, to y (OUT)."""
    cdef Py_ssize_t i
    if x.shape[0] != y.shape[0]:
        raise ValueError("one length expected")
    for i in range(x.shape[0]):
        y[i] = log_(x[i])


def logistic(double[::1] x, double[::1] low, double[::1] high, double[::1] y):
    """Write the logistic function of x, stretched to (low, high), to y (OUT).

    All arrays must have the same length, a multiple of N_LANES.
    """
    if x.shape[0] % LANES or not x.shape[0] == low.shape[0] == high.shape[0] == y.shape[0]:
        raise ValueError("one length expected, a multiple of N_LANES")
    squash_lanes(x.shape[0], &x[0], &low[0], &high[0], &y[0])
