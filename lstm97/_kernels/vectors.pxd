"""The arithmetic that all kernels share; vectors.h states its rules."""

cdef extern from "vectors.h" nogil:
    enum:
        LANES  # doubles in one vector register; arrays are padded to a multiple of it

    double exp_(double x) noexcept
    double log_(double x) noexcept
    double fma(double a, double b, double c) noexcept

    # y[l] = squash(net[l], low[l], high[l])
    void squash_lanes(
        int n_lanes, const double *net, const double *low, const double *high, double *y
    ) noexcept
    # net[l] = start[l] + sum over m of w[m, l] z[m]
    void add_weighted(
        int n_lanes, int n_sources, const double *w, const double *z,
        const double *start, double *net
    ) noexcept
    # y[l] = x[l]
    void copy_lanes(int n_lanes, const double *x, double *y) noexcept
    # y[l] = 0
    void clear_lanes(int n_lanes, double *y) noexcept
    # y[l] += a x[l]
    void add_scaled(int n_lanes, double a, const double *x, double *y) noexcept
    # y[l] += a[l] x[l]
    # y[l] += a x[l], and x[l] = 0
    void move_lanes(int n_lanes, double a, double *x, double *y) noexcept
    # sums[m, l] += u[l] z[m]
    void add_outer(
        int n_lanes, int n_sources, const double *u, const double *z, double *sums
    ) noexcept


cdef inline int padded(int n, int lanes) noexcept nogil:
    """Return the next multiple of a number of lanes."""
    return (n + lanes - 1) // lanes * lanes
