"""See what chest X-ray image-report models learned.

>>> import medvis
>>> run = medvis.open("hyden")  # doctest: +SKIP
"""

from typing import TYPE_CHECKING

from medvis import torchvision_fix

if TYPE_CHECKING:
    from medvis.explain.session import Session

__version__ = "0.1.0"

torchvision_fix.install()


def open(run: str, *, cohort: str | None = None) -> "Session":
    """Open a run for a notebook: its store, its method and the figures about any study.

    Args:
        run: Name, id prefix or folder of a trained run.
        cohort: Name or folder of the cohort to look at; the one it was trained on by default.

    Raises:
        errors.NotFound: If no such run or cohort exists.
    """
    from medvis.explain.session import open_session

    return open_session(run, cohort)
