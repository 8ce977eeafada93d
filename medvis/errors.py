"""What can go wrong with a person's files, runs and links, each with its remedy.

Only what a command or a page shows is here; misuse of a function raises Python's own errors.
Messages never quote what a decoder said and never a value of a header: both may name a patient.
"""


class MedvisError(Exception):
    """A problem told in one line: what was wrong, what was found, what to do.

    Args:
        message: What was wrong and what was found.
        remedy: What the person can do about it.
    """

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(f"{message} {remedy}".strip())
        self.message = message
        self.remedy = remedy


class BadFilm(MedvisError):
    """A film file that cannot become a radiograph.

    Args:
        file: Name of the file as the person gave it (never a path from outside).
        code: Short stable cause, such as "no-pixel-data".
        message: Cause in plain words.
        remedy: What to do.
    """

    def __init__(self, file: str, code: str, message: str, *, remedy: str) -> None:
        super().__init__(f"{file}: {message}.", remedy=remedy)
        self.file = file
        self.code = code
        self.cause = message


class BadSource(MedvisError):
    """A folder, table or archive that does not have the layout of the chosen source."""


class BadCohort(MedvisError):
    """A cohort that is incomplete, damaged or of another schema."""


class BadRun(MedvisError):
    """A run or checkpoint that is incomplete, damaged or does not fit."""


class BadStore(MedvisError):
    """A store whose manifest, hash, schema or cohort does not fit."""


class BadWeights(MedvisError):
    """Weights that are missing, damaged or do not fit the architecture."""


class NotFound(MedvisError):
    """A name or id that this installation does not have."""


class NonFinite(MedvisError):
    """A loss or gradient that is not a number any more; the message names the term."""


class Restricted(MedvisError):
    """Data whose licence forbids what was asked."""
