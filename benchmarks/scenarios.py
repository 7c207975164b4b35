"""The challenge's load profile: four scenarios, and a fifth that shows overload of any server."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.arrivals import Ramp, arrival_times


@dataclass(frozen=True)
class Open:
    """Texts arrive at a rate that goes from `start_rate` through `ramps`."""

    clients: int
    start_rate: float
    ramps: tuple[Ramp, ...]

    def times(self, scale: float) -> list[float]:
        """When each text is due, in seconds, with every ramp `scale` times as long."""
        return arrival_times(
            self.start_rate, [Ramp(ramp.seconds * scale, ramp.rate) for ramp in self.ramps]
        )


@dataclass(frozen=True)
class Closed:
    """As many texts as are answered, by clients that wait for each answer."""

    clients: int
    seconds: float


Scenario = Open | Closed

# Rates in texts/s. At most 50 clients: above 250 ms at 200/s the excess is dropped, not queued.
SCENARIOS: dict[str, Scenario] = {
    "smoke": Open(clients=1, start_rate=1, ramps=(Ramp(60, 1),)),
    "high load": Open(
        clients=50,
        start_rate=1,
        ramps=(
            Ramp(5, 10),
            Ramp(5, 30),
            Ramp(10, 60),
            Ramp(60, 60),
            Ramp(60, 40),
            Ramp(10, 60),
            Ramp(30, 10),
            Ramp(5, 0),
        ),
    ),
    "spike": Open(
        clients=50,
        start_rate=1,
        ramps=(Ramp(5, 10), Ramp(5, 30), Ramp(10, 200), Ramp(120, 200), Ramp(5, 0)),
    ),
    "speed test": Closed(clients=10, seconds=120),
}
