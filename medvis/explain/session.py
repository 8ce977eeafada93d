"""A run opened on a cohort: the join of film, report, word, region and hierarchy.

Nothing here is cached but what is loaded once: the weights and the store. The app caches in `app/state.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from medvis.data import frame, places
from medvis.data import report as reports
from medvis.data.cohort import Cohort
from medvis.data.frame import Frame
from medvis.errors import NotFound
from medvis.explain import attention
from medvis.explain.attention import WordMaps
from medvis.store.runs import Model, Run
from medvis.store.store import Store
from medvis.types import Encoded, Film, Placed, Radiograph, Sentence, Study


@dataclass(frozen=True)
class Seen:
    """A film as it is shown and as the model saw it."""

    film: Film
    radiograph: Radiograph
    frame: Frame
    encoded: Encoded


class Session:
    """One run looking at one cohort.

    Args:
        run: The trained run.
        cohort: The cohort it looks at, which need not be the one it was trained on.
    """

    def __init__(self, run: Run, cohort: Cohort) -> None:
        self.run = run
        self.cohort = cohort

    @cached_property
    def model(self) -> Model:
        """The method and its encoders, loaded when first asked for."""
        return self.run.model()

    @cached_property
    def store(self) -> Store:
        """Where the run placed the cohort.

        Raises:
            BadStore: If the run was not embedded on this cohort, with the command that does it.
        """
        return Store.open(self.run.folder, self.cohort.hash, run=self.run.id, cohort=self.cohort.name)

    def see(self, study: Study, index: int = 0) -> Seen:
        """Return one film of a study, decoded and encoded.

        Raises:
            NotFound: If the study has no such film.
        """
        if not 0 <= index < len(study.films):
            raise NotFound(
                f"Study {study.id} has {len(study.films)} films, number {index} is not among them.",
                remedy="Choose another film or study.",
            )
        film = study.films[index]
        radiograph = self.cohort.radiograph(film)
        return Seen(film, radiograph, *self._encode(radiograph))

    def read(self, texts: Sequence[str]) -> Encoded:
        """Return texts as the run's text encoder reads them; parts are words."""
        with torch.inference_mode():
            return self.model.text.encode(list(texts))

    def sentences(self, study: Study) -> tuple[Sentence, ...]:
        """Return the sentences of the study's report; none if it has no report."""
        return () if study.report is None else reports.sentences(study.report)

    def word_maps(self, study: Study, seen: Seen) -> WordMaps:
        """Return where each word and each sentence of the study's report looks on a film."""
        with torch.inference_mode():
            return attention.word_maps(self.model.method, self.sentences(study), self.read, seen.encoded)

    def place(self, seen: Seen, given: Sequence[str] = ()) -> Placed:
        """Return the density of a film: of itself alone, or given each of some texts (mode conditioned)."""
        with torch.inference_mode():
            texts = self.read(given) if given else None
            return self.model.method.place(seen.encoded, texts)

    def place_texts(self, texts: Sequence[str]) -> Placed:
        """Return the densities of texts."""
        with torch.inference_mode():
            return self.model.method.place(self.read(texts))

    def _encode(self, radiograph: Radiograph) -> tuple[Frame, Encoded]:
        pixels, seen, fitted = frame.fit(radiograph.pixels, self.model.image.record.size)
        with torch.inference_mode():
            return fitted, self.model.image(pixels[None], seen[None])


def open_session(run: str | Path, cohort: str | Path | None = None) -> Session:
    """Open a run on a cohort by name, id prefix or folder.

    Raises:
        NotFound: If either does not exist; the message names those that do.
    """
    opened = Run.open(places.run_folder(str(run)))
    return Session(opened, Cohort.open(places.cohort_folder(str(cohort or opened.record.cohort_name))))
