"""The sandbox' own clock: runs like ours, may be set ahead, or stand still."""

from datetime import UTC, datetime, timedelta


class Clock:
    """Moments in UTC. What has to do with the network (time-outs, requests per second) uses real time instead."""

    def __init__(self) -> None:
        self._offset = timedelta()
        self._frozen: datetime | None = None

    def now(self) -> datetime:
        return self._frozen or datetime.now(UTC) + self._offset

    def set(self, moment: datetime, frozen: bool = False) -> None:
        self._offset = moment - datetime.now(UTC)
        self._frozen = moment if frozen else None

    def advance(self, seconds: float) -> None:
        self.set(self.now() + timedelta(seconds=seconds), frozen=self._frozen is not None)

    def stamp(self) -> str:
        """Now, as PAYT writes it: whole seconds, UTC."""
        return stamp(self.now())

    def today(self) -> str:
        return self.now().date().isoformat()


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parsed(text: str) -> datetime:
    return datetime.fromisoformat(text)
