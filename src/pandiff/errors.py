"""The one error that a user can cause and mend."""


class InputError(ValueError):
    """Wrong input: says what was expected, what was got, and what to do.

    The command line prints it as one line and exits with code 2.

    Args:
        expected: what the input should have been.
        got: what it was.
        remedy: what to do about it.
    """

    def __init__(self, expected: str, got: str, remedy: str) -> None:
        super().__init__(f"expected {expected}, got {got}; {remedy}")
