"""Learning algorithms behind one interface; they own buffers and call the kernels."""
