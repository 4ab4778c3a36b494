"""The study: data, training, metrics and evaluation. Only commands use it."""
