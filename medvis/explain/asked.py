"""A search as a person asks it: from a film, a sentence or typed words, for films, reports or sentences."""

from dataclasses import dataclass

from medvis.data import report as reports
from medvis.errors import NotFound

from . import prompts
from .mentions import mentioned
from .retrieval import Exclude, Query, present
from .session import Session

KINDS = {"films": "film", "reports": "report", "sentences": "sentence"}
LONGEST = 300  # characters of a typed text


@dataclass(frozen=True)
class Asked:
    """A search as a person asks it.

    Attributes:
        text: What was typed; if there is any, it is the query.
        study: Id of the study that the query is an item of otherwise.
        ref: Which item: "film0", "f3", "i0".
        find: One of KINDS.
        k: Results wanted.
        siblings: Whether the same patient and identical texts may be found too.
        conditioned: Whether the first 200 are ranked anew, each film conditioned on its text.
        among: Side of the split that is searched; "" for all.
    """

    text: str = ""
    study: str = ""
    ref: str = "film0"
    find: str = "films"
    k: int = 10
    siblings: bool = False
    conditioned: bool = False
    among: str = ""

    @property
    def typed(self) -> str:
        """The typed text as it is searched: one line, at most LONGEST characters."""
        return reports.squeeze(self.text)[:LONGEST].strip()

    @property
    def source(self) -> str:
        """What the query is: "film", "sentence" or "text"."""
        if self.typed:
            return "text"
        return "film" if self.ref.startswith("film") else "sentence"

    @property
    def crosses(self) -> bool:
        """Whether the search goes from film to text or back, so that films can be conditioned."""
        return (self.source == "film") != (self.find == "films")

    @property
    def exclude(self) -> Exclude:
        """What is left out besides the query itself."""
        return Exclude(False, False, False) if self.siblings else Exclude()


def query(session: Session, asked: Asked) -> Query:
    """Return where a search starts.

    Raises:
        NotFound: If the store has no such item.
    """
    if asked.typed:
        place = session.place_texts([asked.typed]).whole.mean[0]
        return Query(place, text=reports.text_hash(asked.typed))
    study = session.cohort.study(asked.study)
    rows = session.store.rows(study=study.id)
    if asked.ref not in rows.ref:
        raise NotFound(f"Study {study.id} has no place for {asked.ref}.", remedy="Choose another query.")
    at = rows.ref.index(asked.ref)
    own = reports.text_hash(study.report.text) if study.report is not None else ""
    return Query(rows.mean[at], study.id, asked.ref, study.patient, rows.text_hash[at] or own)


def findings(session: Session, asked: Asked) -> tuple[str, ...]:
    """Return what the query shows by its study's labels or, being a text, what it names and does not deny."""
    if asked.source == "film":
        return tuple(sorted(present(session.cohort.study(asked.study))))
    text = asked.typed
    if not text:
        study = session.cohort.study(asked.study)
        text = next((one.text for one in session.sentences(study) if one.id == asked.ref), "")
    return mentioned(text, prompts.findings(session.cohort.studies()))
