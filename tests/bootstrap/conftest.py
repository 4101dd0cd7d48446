import functools
from collections.abc import Callable, Iterator
from pathlib import Path

import boot as harness
import pytest
from instance import Instance


@pytest.fixture
def instance() -> Iterator[Instance]:
    with Instance.running() as running:
        yield running


@pytest.fixture
def boot(tmp_path: Path, instance: Instance) -> Callable[..., harness.Boot]:
    """Boots a worker with a program and more; see boot.py."""
    return functools.partial(harness.boot, tmp_path, instance)
