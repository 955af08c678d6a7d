"""The paper's experiments: settings, trials, records, reports and the command line."""
