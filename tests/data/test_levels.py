"""What a worker hands over is checked as if it were hostile, because it may be."""

import numpy as np
import pytest

from medvis.data.levels import Levels, unpack

FILM = Levels(
    np.arange(12, dtype=np.uint16).reshape(3, 4), np.linspace(0, 1, 12, dtype=np.float32),
    "PA", ("L", "F"), (0.1, 0.2), 0.5, (("first-window", {"count": 2}),),
)  # fmt: skip


def packed():
    head, parts = FILM.pack()
    return head, bytearray(b"".join(bytes(part) for part in parts))


def test_what_is_packed_is_unpacked():
    found = unpack(*packed())
    assert (found.values == FILM.values).all()
    assert (found.table == FILM.table).all()
    assert (found.view, found.orientation, found.spacing, found.aspect) == ("PA", ("L", "F"), (0.1, 0.2), 0.5)
    assert found.words() == ("first of 2 windows in the header",)


LIES = {
    "shape": [(4, 4), (0, 4), (-3, -4), (3,), "ab"],
    "depth": [1, 4, None],
    "entries": [11, 0, -1],
    "view": ["DOE^JANE"],
    "orientation": [("DOE", "F"), ("L",)],
    "spacing": [(0.0, 1.0), (float("nan"), 1.0), ("DOE", 1.0)],
    "aspect": [0.0, float("nan"), 1e9, "DOE"],
    "notes": [[("DOE", {})], [("first-window", {"count": "DOE"})], [("first-window", {})], ["DOE"], 7],
}


@pytest.mark.parametrize(("key", "lie"), [(key, lie) for key, lies in LIES.items() for lie in lies])
def test_no_lie_gets_through(key, lie):
    head, payload = packed()
    with pytest.raises((ValueError, TypeError, LookupError, ArithmeticError, AttributeError)):
        unpack({**head, key: lie}, payload)


@pytest.mark.parametrize("grey", [np.nan, np.inf, -0.1, 1.1])
def test_greys_are_finite_and_in_range(grey):
    head, payload = packed()
    payload[:4] = np.float32(grey).tobytes()
    with pytest.raises(ValueError, match="table does not fit"):
        unpack(head, payload)


def test_a_value_without_a_grey_is_refused():
    head, payload = packed()
    payload[-2:] = (12).to_bytes(2, "little")
    with pytest.raises(ValueError, match="table does not fit"):
        unpack(head, payload)
