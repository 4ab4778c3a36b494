"""The one error type that a command prints as a line and answers with exit code 2."""


class UserError(ValueError):
    """An error that the user can fix. The message is one line: what (the file), why, and the cure."""
