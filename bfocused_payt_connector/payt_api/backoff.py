"""How long to wait before asking PAYT again."""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Pauses that grow, differ between workers, and end.

    Meant for hiccups of seconds. What takes longer is the outbox' business, which asks again by ``next_try_at``.

    :param attempts: how often a request is sent at most, the first time included
    :param first_seconds: the longest first pause; each next one may be ``factor`` times as long, up to ``cap_seconds``
    :param longest_wait_seconds: a longer ``Retry-After`` is not waited for here but handed to the caller
    """

    attempts: int = 5
    first_seconds: float = 0.5
    factor: float = 2.0
    cap_seconds: float = 16.0
    longest_wait_seconds: float = 60.0
    chance: Callable[[], float] = random.random

    def pause(self, tries: int, retry_after: float | None = None) -> float | None:
        """Seconds to wait after ``tries`` failures, or None to give up.

        Half of the pause is left to chance, so that workers that failed together don't come back together.
        """
        if tries >= self.attempts:
            return None
        longest = min(self.cap_seconds, self.first_seconds * self.factor ** (tries - 1))
        pause = longest / 2 + longest / 2 * self.chance()
        if retry_after is not None:
            if retry_after > self.longest_wait_seconds:
                return None
            # a little more than asked, and not all at the same moment
            pause = max(pause, retry_after + self.chance() * 0.25)
        return pause


NO_RETRY = Backoff(attempts=1)
