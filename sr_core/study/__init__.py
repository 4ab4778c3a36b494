"""The study: data, training, metrics and evaluation. Used by commands alone."""
