"""When the watcher gives an instance up: its own function and numbers, on a clock of numbers."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "templates" / "worker" / "watch.sh"
MINUTE = 60

# The script without its last part, which waits. Each line of the input is a second and what systemd says of the worker;
# SECONDS is bash's clock, until it is unset: then it stands still.
HARNESS = """
unset SECONDS
SECONDS=0
QFLEET_DRAIN_SECONDS=30
{functions}
systemctl() {{ echo "ActiveState=$state"; echo "InvocationID=$id"; }}
while read -r second state id; do
  SECONDS=$second
  if hopeless; then echo "$second"; exit; fi
done
"""


def given_up(states: Iterator[tuple[int, str, int]]) -> int | None:
    """The second at which an instance whose worker has these states is given up."""
    functions, _, loop = SCRIPT.read_text().partition("\nlook\nwhile ")
    assert loop
    lines = "".join(f"{second} {state} {run}\n" for second, state, run in states)
    # The last is its name, beside which it finds what it reads in.
    command = ["bash", "-c", HARNESS.format(functions=functions), SCRIPT]
    done = subprocess.run(command, input=lines, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return int(done.stdout) if done.stdout else None


def tries(begin: int, end: int, takes: int) -> Iterator[tuple[int, str, int]]:
    """What the watcher sees every ten seconds of a worker that ends `takes` seconds after each start, and is started
    again five seconds later."""
    for second in range(begin, end, 10):
        run, since = divmod(second - begin, takes + 5)
        yield second, "active" if since < takes else "activating", begin + run


def works(begin: int, end: int) -> Iterator[tuple[int, str, int]]:
    for second in range(begin, end, 10):
        yield second, "active", begin


@pytest.mark.parametrize("takes", [1, 100])
def test_a_brown_out_of_half_an_hour_costs_no_instance(takes: int) -> None:
    def days() -> Iterator[tuple[int, str, int]]:
        """Two of them, with a quarter of an hour between."""
        for start in (0, 55 * MINUTE):
            yield from works(start, start + 10 * MINUTE)
            yield from tries(start + 10 * MINUTE, start + 40 * MINUTE, takes)
            yield from works(start + 40 * MINUTE, start + 55 * MINUTE)

    assert given_up(days()) is None


@pytest.mark.parametrize("takes", [1, 100])
def test_a_worker_that_can_not_work_is_given_up_after_three_quarters(takes: int) -> None:
    assert given_up(tries(0, 120 * MINUTE, takes)) == 45 * MINUTE


def test_a_new_instance_may_take_its_time_to_boot() -> None:
    boots = ((second, "inactive", 0) for second in range(0, 60 * MINUTE, 10))
    assert given_up(boots) is None


def test_a_worker_that_somebody_stopped_is_not_given_up() -> None:
    def day() -> Iterator[tuple[int, str, int]]:
        yield from tries(0, 40 * MINUTE, 1)
        yield from ((second, "inactive", 0) for second in range(40 * MINUTE, 120 * MINUTE, 10))

    assert given_up(day()) is None
