"""The methods that the paper compares LSTM with, as estimators of the same kind."""
