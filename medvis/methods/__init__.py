"""FLOOR 4 · one paper a file, each answering the same six questions. A file put here is found."""

from importlib import import_module
from pkgutil import iter_modules

from medvis.errors import NotFound

from .base import METHODS as METHODS
from .base import Conditions as Conditions
from .base import Method as Method
from .base import Paper as Paper
from .base import Spreads as Spreads

_NOT_PAPERS = {"base", "shared"}


def discover() -> tuple[str, ...]:
    """Import every paper of this folder, which registers it, and return their names."""
    names = sorted(module.name for module in iter_modules(__path__) if module.name not in _NOT_PAPERS)
    for name in names:
        import_module(f"{__name__}.{name}")
    return tuple(names)


def find(name: str) -> type[Method]:
    """Return a method's class.

    Raises:
        NotFound: If there is no such method; the message names those that there are.
    """
    discover()
    if name not in METHODS:
        raise NotFound(
            f"There is no method {name!r}.", remedy=f"Choose one of: {', '.join(sorted(METHODS))}."
        )
    return METHODS[name]


def build(name: str, image_width: int, text_width: int, settings: dict[str, object]) -> Method:
    """Return a method with fresh weights, from the settings that a run has recorded.

    Args:
        name: The method's file name.
        image_width: Channels of the image encoder.
        text_width: Channels of the text encoder.
        settings: Fields of the method's Config; those left out keep their defaults.

    Raises:
        NotFound: If there is no such method.
        TypeError: If a setting is not a field of its Config.
    """
    method = find(name)
    return method(image_width, text_width, method.Config(**settings))
