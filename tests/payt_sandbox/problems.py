"""Answers that aren't what was asked for."""


class Problem(Exception):
    """An answer with PAYT's error shape, ``{"code", "message"}``."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def invalid(message: str) -> Problem:
    """422: nothing was processed."""
    return Problem(422, "unprocessable_entity", message)


def not_found(message: str = "Not found") -> Problem:
    return Problem(404, "not_found", message)


def unauthenticated(message: str) -> Problem:
    return Problem(401, "unauthorized", message)


def forbidden(message: str) -> Problem:
    return Problem(403, "forbidden", message)
