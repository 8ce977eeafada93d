"""The six questions that every paper answers, and the list of those that do."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from medvis.geometry.euclid import Sphere
from medvis.geometry.lorentz import Lorentz
from medvis.types import Encoded, Loss, Placed

METHODS: dict[str, type["Method"]] = {}


@dataclass(frozen=True)
class Paper:
    """What a method is rebuilt from.

    Attributes:
        title: Title of the paper.
        arxiv: Its number at arXiv.
        inferred: Whether the file holds settings that the paper does not state (marked INFERRED there).
    """

    title: str
    arxiv: str
    inferred: bool


class Method(nn.Module, ABC):
    """A paper: encodings of films and reports in; places, losses, scores and relations out.

    A subclass is final: another paper is another file. Its name is its file's. Everything it computes is
    float32 at least, whatever the encoders ran in.

    Attributes:
        name: Name of the file, as the command line and a run record it.
        paper: What it is rebuilt from.
        words_in_context: Whether `attend` wants words as they stand in the report (else each encoded alone).
        Config: Frozen dataclass of its settings.
    """

    name: ClassVar[str]
    paper: ClassVar[Paper]
    words_in_context: ClassVar[bool]
    Config: ClassVar[type[Any]]

    def __init_subclass__(cls) -> None:
        """Register the paper under its file's name.

        Raises:
            TypeError: If a paper extends another paper.
        """
        if any(base in METHODS.values() for base in cls.__mro__[1:]):
            raise TypeError(f"{cls.__name__} extends a paper; a paper is final: copy its file")
        cls.name = cls.__module__.rpartition(".")[2]
        METHODS[cls.name] = cls

    @property
    @abstractmethod
    def geometry(self) -> Lorentz | Sphere:
        """In which space? A learned curvature is the parameter's own tensor, with its gradient."""

    @abstractmethod
    def place(self, item: Encoded, given: Encoded | None = None) -> Placed:
        """Where is each item, and how sure are we?

        Args:
            item: Images or texts.
            given: Texts to condition images on, where the paper conditions: the result then has mode
                CONDITIONED and one density for each image (axis 0) and text (axis 1). Other methods, and
                texts in every method, are placed alone whatever is given.
        """

    @abstractmethod
    def loss(
        self, image: Encoded, text: Encoded, apart: Bool[Tensor, "b b"], generator: torch.Generator
    ) -> Loss:
        """How wrong is a batch in which image i belongs to text i?

        Args:
            image: Images.
            text: Their texts.
            apart: True where image i and text j may be told apart: another patient, study and wording.
            generator: Source of any randomness.
        """

    @abstractmethod
    def score(self, query: Placed, gallery: Placed) -> Float[Tensor, "q g"]:
        """How close is each pair? Higher is closer; not comparable between runs.

        The image side may be conditioned on the text side; it is (image, text) whichever side it is on.

        Raises:
            ValueError: If a place is paired: it carries its own report and would retrieve it.
        """

    @abstractmethod
    def relation(self, general: Placed, special: Placed) -> Float[Tensor, "g s"]:
        """How much does each general item contain each special one, in [0, 1]?"""

    @abstractmethod
    def attend(
        self, words: Float[Tensor, "w e"], patches: Float[Tensor, "p f"], real: Bool[Tensor, " p"]
    ) -> Float[Tensor, "w p"]:
        """Where does each word look? Rows sum to 1 over what is real and are 0 elsewhere."""

    @classmethod
    def can(cls, capability: type) -> bool:
        """Return whether the method has a capability, such as `Conditions`."""
        return issubclass(cls, capability)

    @classmethod
    def capabilities(cls) -> tuple[str, ...]:
        """Return the names of the capabilities it has."""
        return tuple(known.__name__ for known in CAPABILITIES if cls.can(known))


class Conditions:
    """The capability to place an image anew for each text: `place` heeds `given`."""


class Spreads:
    """The capability to say how sure it is: places are densities, not points."""


CAPABILITIES: tuple[type, ...] = (Conditions, Spreads)
