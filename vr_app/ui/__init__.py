"""The control panel's contents: what it offers, and how that is drawn."""
