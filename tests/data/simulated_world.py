"""The shared thorax and some of its patients, cut once for all tests."""

from functools import cache

import numpy as np

from medvis.data import anatomy, beam, slabs, thorax
from medvis.data.patient import Visit, visits
from medvis.data.slabs import Slabs

SEED = 7


@cache
def ct() -> thorax.Thorax:
    return thorax.read()


@cache
def shared() -> Slabs:
    return slabs.cut(ct())


@cache
def patients(count: int) -> tuple[tuple[Visit, ...], ...]:
    return tuple(tuple(visits(shared(), SEED, number)) for number in range(count))


@cache
def plain(view: str = "PA") -> tuple[anatomy.Body, beam.Map]:
    """A body of middling shape, and its map, without rotation."""
    body = anatomy.Body(
        1.0, 1.1, 0.0, 0.88, (-15.0, -15.0), 10.0, 2.3, 0.0, 0.0, 1.2, np.zeros((2, 3, 5, 5), np.float32)
    )
    stance = beam.Position("AP" if view == "AP" else "PA", 0.0, 0.0, 0.0, (0.06, 0.06, 0.06, 0.0))
    return body, beam.mapped(shared(), body, stance)
