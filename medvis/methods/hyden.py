"""HYDEN: films and reports as densities of hyperbolic space, each film's inside its report's."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn.functional import gelu, layer_norm, normalize

from medvis.geometry import gaussian
from medvis.geometry.lorentz import Lorentz
from medvis.types import Density, Encoded, Loss, Mode, Placed

from .base import Conditions, Method, Paper, Spreads
from .shared import GAMMA, Curvature, Scale, TangentHead, attention, both_ways, bounded, refuse_paired

_RELATION_SAMPLES = 256  # a share's standard error is then at most 0.03


@final
class Hyden(Method, Conditions, Spreads):
    """Wrapped Gaussians from global and text-aware local features, ordered by encapsulation.

    The paper's text was not at hand: its ingredients are certain, how they are put together is inferred.
    """

    paper = Paper(
        "HYDEN: Hyperbolic Density Representations for Medical Images and Reports", "2408.09715", True
    )
    words_in_context = True

    @dataclass(frozen=True)
    class Config:
        """Settings of HYDEN."""

        dims: int = 128  # INFERRED
        """Dimensions of the joint space."""
        local: int = 128  # INFERRED
        """Width of the text-aware local features."""
        hidden: int = 256  # INFERRED
        """Width between the two layers of the fusion."""
        attention_temperature: float = 0.1  # INFERRED: MGCA's for local features
        """Temperature of the text-aware attention, over cosines."""
        temperature: float = 0.07  # INFERRED: MERU's
        """Temperature of the contrast at the start; it is learned."""
        max_scale: float = 100.0  # INFERRED: MERU's
        """Largest inverse temperature."""
        curv: float = 1.0  # INFERRED: MERU's
        """Curvature at the start; it is learned."""
        min_curv: float = 0.1  # INFERRED: MERU's
        """Smallest curvature."""
        max_curv: float = 10.0  # INFERRED: MERU's
        """Largest curvature."""
        min_radius: float = 0.27  # INFERRED: Nagano's range at 5 dimensions, kept as a radius
        """Smallest radius sigma sqrt(dims) of an axis."""
        max_radius: float = 2.09  # INFERRED: likewise
        """Largest radius sigma sqrt(dims) of an axis."""
        alone_weight: float = 0.5  # INFERRED: places of films alone are what a store can index
        """Share of the loss on films placed alone; the rest is on films conditioned on texts."""
        encapsulate_weight: float = 0.2  # INFERRED: MERU's weight of its entailment
        """Weight of the encapsulation loss."""
        # INFERRED: below the GAMMA at which a density is called contained, for the loss stops pulling here.
        gamma: float = 0.25
        """Divergence beyond which a film is pulled into its report, nats per dimension."""
        # INFERRED: four times gamma, the ratio of Athiwaratkun and Wilson's commands, was met by spreads that
        # collapsed or exploded, not by means that moved apart; with this one they stay near each other.
        margin: float = GAMMA
        """Violation that hard negatives must reach, nats per dimension."""
        samples: int = 16  # INFERRED
        """Monte-Carlo samples of a divergence."""
        guard_weight: float = 0.1  # INFERRED: with 1e-4 a fifth of the sentences' scales sat on their bound
        """Pull of log scales that sit on a bound towards the middle."""

    def __init__(self, image_width: int, text_width: int, config: Config) -> None:
        super().__init__()
        self.config = config
        self.value = nn.Linear(image_width, config.local, bias=False)
        self.from_global = nn.Linear(image_width, config.hidden)
        self.from_local = nn.Linear(config.local, config.hidden, bias=False)
        self.fusion = nn.Linear(config.hidden, image_width)
        self.image_mean = TangentHead(image_width, config.dims)
        self.text_mean = TangentHead(text_width, config.dims)
        self.image_spread = _SpreadHead(image_width, config.dims, config.min_radius, config.max_radius)
        self.text_spread = _SpreadHead(text_width, config.dims, config.min_radius, config.max_radius)
        self.curvature = Curvature(config.curv, config.min_curv, config.max_curv)
        self.scale = Scale(config.temperature, config.max_scale)

    @property
    def geometry(self) -> Lorentz:
        """Hyperbolic space of the learned curvature."""
        return self.curvature.space()

    def place(self, item: Encoded, given: Encoded | None = None) -> Placed:
        """Return densities: of texts, of films alone (local features 0), or of each film given each text."""
        if item.kind == "text":
            return Placed("text", self._density(item.whole, self.text_mean, self.text_spread), Mode.GLOBAL)
        mode = Mode.GLOBAL if given is None else Mode.CONDITIONED
        fused = self._fused(item, given)
        return Placed("image", self._density(fused, self.image_mean, self.image_spread), mode)

    def loss(
        self, image: Encoded, text: Encoded, apart: Bool[Tensor, "b b"], generator: torch.Generator
    ) -> Loss:
        """Return contrast and encapsulation, both of films given each text and of films alone."""
        reports = self.place(text)
        alone, weight = self.config.alone_weight, self.config.encapsulate_weight
        terms = {"guard": self.config.guard_weight * self._on_bounds(reports.whole)}
        for films, share in ((self.place(image, text), 1 - alone), (self.place(image), alone)):
            scores = self.score(films, reports)
            contrast = both_ways(self.scale.value() * scores, apart)
            violation = self._violation(films, reports, _hardest(scores, apart), generator)
            terms[f"contrast_{films.mode}"] = share * contrast
            terms[f"encapsulate_{films.mode}"] = share * weight * violation
            terms["guard"] = terms["guard"] + self.config.guard_weight * self._on_bounds(films.whole)
        return Loss(torch.stack(list(terms.values())).sum(), terms)

    def score(self, query: Placed, gallery: Placed) -> Float[Tensor, "q g"]:
        """Return minus the distances of the means; of a conditioned film, to the text it was given."""
        refuse_paired(query, gallery)
        if Mode.CONDITIONED not in (query.mode, gallery.mode):
            return -self.geometry.dist(query.whole.mean, gallery.whole.mean)
        rows, columns = _crossed(query, gallery)
        return -self.geometry.dist_to(rows.mean, columns.mean)

    def relation(self, general: Placed, special: Placed) -> Float[Tensor, "g s"]:
        """Return the coverage: the share of the special one's mass in the general one's 95 % region."""
        outer, inner = _crossed(general, special)
        generator = torch.Generator(outer.mean.device).manual_seed(0)
        return torch.cat(
            [
                gaussian.coverage(inner[[row]], outer[[row]], self.geometry, _RELATION_SAMPLES, generator)
                for row in range(len(outer.mean))
            ]
        )

    def attend(
        self, words: Float[Tensor, "w e"], patches: Float[Tensor, "p f"], real: Bool[Tensor, " p"]
    ) -> Float[Tensor, "w p"]:
        """Return the text-aware attention with each word, as it stands in its report, for a query."""
        # INFERRED: the query of a report is the projection of the mean of its words, so words are in range.
        return attention(self._asked(words) @ self._keys(patches).T, real)

    def _fused(self, image: Encoded, given: Encoded | None) -> Float[Tensor, "*b w"]:
        """Return global features fused with the local ones that each text asks for, 0 without text."""
        # INFERRED, after GLoRIA and MGCA: f = LN(g + MLP[g; l]); the heads bring the last LN.
        whole = self._even(image.whole)
        hidden = self.from_global(whole)  # (i, hidden): the half of the MLP's first layer that reads g
        if given is not None:
            hidden = hidden[:, None] + self.from_local(self._local(image, given))  # (i, t, hidden)
            whole = whole[:, None]
        fused: Tensor = whole + self.fusion(gelu(hidden))
        return fused

    def _local(self, image: Encoded, given: Encoded) -> Float[Tensor, "i t v"]:
        weights = attention(
            self._asked(given.whole) @ self._keys(image.parts).transpose(1, 2), image.real[:, None]
        )
        # The value of the mean patch is the mean of the values, and there are fewer texts than patches.
        local: Tensor = self.value(weights @ self._even(image.parts))
        return local

    def _asked(self, texts: Float[Tensor, "t e"]) -> Float[Tensor, "t d"]:
        """Return queries, divided by the temperature."""
        # INFERRED, after GLoRIA and MGCA: queries and keys are projections to the joint space. With ones of
        # their own, which no loss aligns, words peaked inside their finding no more often than chance.
        return normalize(self.text_mean.projection(texts), dim=-1) / self.config.attention_temperature

    def _keys(self, patches: Float[Tensor, "*i p f"]) -> Float[Tensor, "*i p d"]:
        return normalize(self.image_mean.projection(patches), dim=-1)

    def _even(self, x: Float[Tensor, "*b w"]) -> Float[Tensor, "*b w"]:
        """Return encodings of mean 0 and variance 1, whatever their encoder's scale and precision."""
        return layer_norm(x.to(self.value.weight.dtype), x.shape[-1:])

    def _density(self, x: Float[Tensor, "*b w"], mean: TangentHead, spread: "_SpreadHead") -> Density:
        return Density(self.geometry.exp0(mean(x)), spread(x))

    def _violation(
        self,
        films: Placed,
        reports: Placed,
        hard: tuple[Int[Tensor, " b"], Bool[Tensor, " b"]],
        generator: torch.Generator,
    ) -> Float[Tensor, ""]:
        """Return how far films lie outside their report, and hard negatives too far inside, a dimension.

        Source: Athiwaratkun and Wilson (2018), Hierarchical Density Order Embeddings.
        """
        # INFERRED: special = film, general = report; a negative film is given the negative text, not its own.
        own = torch.arange(len(hard[0]), device=hard[0].device)
        image, text = own.repeat(2), torch.cat([own, hard[0]])
        special = films.whole[image, text] if films.mode is Mode.CONDITIONED else films.whole[image]
        kl, _ = gaussian.kl(special, reports.whole[text], self.geometry, self.config.samples, generator)
        outside = (kl / special.mean.shape[-1] - self.config.gamma).clamp(min=0)
        true, negative = outside.chunk(2)
        short = (self.config.margin - negative).clamp(min=0) * hard[1]
        return true.mean() + short.sum() / hard[1].sum().clamp(min=1)

    def _on_bounds(self, density: Density) -> Float[Tensor, ""]:
        """Return the mean square distance from the middle of those log scales that sit on a bound."""
        assert density.log_scale is not None
        low, high = self.text_spread.low, self.text_spread.high
        stuck = (density.log_scale <= low) | (density.log_scale >= high)
        return ((density.log_scale - (low + high) / 2).square() * stuck).mean()


class _SpreadHead(nn.Module):
    """Encodings to log standard deviations a axis, within bounds on the radius sigma sqrt(dims)."""

    def __init__(self, width: int, dims: int, low: float, high: float) -> None:
        super().__init__()
        self.low, self.high = (math.log(radius / math.sqrt(dims)) for radius in (low, high))
        self.norm = nn.LayerNorm(width)
        self.linear = nn.Linear(width, dims)
        nn.init.normal_(self.linear.weight, std=0.1 / math.sqrt(width))
        nn.init.constant_(self.linear.bias, (self.low + self.high) / 2)

    def forward(self, x: Float[Tensor, "*b w"]) -> Float[Tensor, "*b d"]:
        return bounded(self.linear(self.norm(x.to(self.linear.weight.dtype))), self.low, self.high)


def _hardest(
    scores: Float[Tensor, "q g"], apart: Bool[Tensor, "q g"]
) -> tuple[Int[Tensor, " q"], Bool[Tensor, " q"]]:
    """Return each query's best wrong answer, and whether it has any."""
    return scores.detach().masked_fill(~apart, -math.inf).argmax(1), apart.any(1)


def _crossed(rows: Placed, columns: Placed) -> tuple[Density, Density]:
    """Return both sides with one density for each pair, rows first; a conditioned film meets its own text.

    Raises:
        ValueError: If a conditioned film meets anything but the texts that it was given.
    """
    modes = (rows.mode, columns.mode)
    if modes.count(Mode.CONDITIONED) == 2 or (Mode.CONDITIONED in modes and rows.kind == columns.kind):
        raise ValueError("films conditioned on texts can be compared with those texts only")
    first = rows.whole if rows.mode is Mode.CONDITIONED else rows.whole[:, None]
    second = columns.whole[(None,)]
    if columns.mode is Mode.CONDITIONED:
        second = _each(columns.whole, lambda x: x.transpose(0, 1))
    shape = (first.mean.shape[0], *second.mean.shape[1:])
    return _each(first, lambda x: x.expand(shape)), _each(second, lambda x: x.expand(shape))


def _each(density: Density, change: Callable[[Tensor], Tensor]) -> Density:
    return Density(change(density.mean), None if density.log_scale is None else change(density.log_scale))
