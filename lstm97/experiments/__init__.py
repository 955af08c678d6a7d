"""The paper's experiments: settings, trials, many trials at once, the command line."""
