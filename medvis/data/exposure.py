"""From attenuation to a film: beam, scatter, noise, and the tone that a reading room is used to."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy.random import Generator
from scipy import ndimage

_ATTENUATION = 0.0195  # per mm of water at the beam's effective energy (about 60 keV)

_LETTERS = {
    "L": np.array([[int(dot) for dot in row] for row in ("10000",) * 6 + ("11111",)], np.float32),
    "R": np.array(
        [
            [int(dot) for dot in row]
            for row in ("11110", "10001", "10001", "11110", "10100", "10010", "10001")
        ],
        np.float32,
    ),
}


@dataclass(frozen=True)
class Exposure:
    """How one film was exposed and developed.

    Attributes:
        photons: Quanta a pixel behind air, in thousands.
        scatter: Scattered over primary radiation behind the body.
        latitude: Share of the large-scale contrast that is kept.
        sharpness: Gain of fine detail.
        gamma: Exponent of the grey scale; above 1 is darker.
    """

    photons: float
    scatter: float
    latitude: float
    sharpness: float
    gamma: float


def exposure(rng: Generator, view: str) -> Exposure:
    """Draw an exposure; films made in bed scatter more and are noisier."""
    bed = view == "AP"
    return Exposure(
        photons=float(rng.uniform(60, 200)) * (0.5 if bed else 1.0),
        scatter=float(rng.uniform(0.10, 0.35)) * (1.7 if bed else 1.0),
        latitude=float(rng.uniform(0.55, 0.85)),
        sharpness=float(rng.uniform(0.5, 1.2)),
        gamma=float(np.exp(rng.normal(0.0, 0.14))),
    )


def film(
    water: Float[np.ndarray, "h w"],
    lungs: Bool[np.ndarray, "h w"],
    how: Exposure,
    pixel: float,
    rng: Generator,
) -> Float[np.ndarray, "h w"]:
    """Return grey values in [0, 1], bone bright.

    Args:
        water: Attenuation along the beam as mm of water.
        lungs: Where lung lies; it sets the exposure, as the cells of an automatic exposure control do.
        how: Exposure and development.
        pixel: Size of a pixel in mm.
        rng: Source of the noise.

    Source: Beer-Lambert law; scatter as a blurred share of the primary image; Poisson noise as a Gaussian.
    """
    primary = np.exp(-_ATTENUATION * water)
    signal = primary + how.scatter * _blurred(primary, 22 / pixel)
    noise = rng.standard_normal(signal.shape, np.float32) * np.sqrt(signal / (how.photons * 1e3))
    return _developed(-np.log(np.maximum(signal + noise, 1e-4)), lungs, how, pixel)


def _developed(
    density: Float[np.ndarray, "h w"], lungs: Bool[np.ndarray, "h w"], how: Exposure, pixel: float
) -> Float[np.ndarray, "h w"]:
    """Compress what is large, lift what is fine, and print it through an S-shaped curve."""
    fine = density - ndimage.gaussian_filter(density, 1.6 / pixel, truncate=2.5)
    ribs = density - _blurred(density, 7 / pixel)
    toned = (
        density
        - (1 - how.latitude) * _blurred(density, 30 / pixel)
        + how.sharpness * (0.4 * fine + 0.6 * ribs)
    )
    low = np.percentile(toned[lungs][::3], 1.5)  # healthy lung, even where much of it is not
    high = np.percentile(toned[::4, ::4], 90)
    span = np.clip((toned - low) / (high - low), -1.5, 2.5)
    curve = 1 / (1 + np.exp(-2.9 * (span - 0.56)))
    grey: Float[np.ndarray, "h w"] = ((curve**how.gamma - 0.05) / 0.87).clip(0, 1).astype(np.float32)
    return grey


def _blurred(picture: Float[np.ndarray, "h w"], sigma: float) -> Float[np.ndarray, "h w"]:
    """Blur widely on a coarse copy: the same to the eye at a sixteenth of the cost."""
    rows, columns = (length // 4 * 4 for length in picture.shape)
    coarse = picture[:rows, :columns].reshape(rows // 4, 4, columns // 4, 4).mean(axis=(1, 3))
    soft = ndimage.gaussian_filter(coarse, sigma / 4, mode="nearest")
    return resized(soft, picture.shape[0], picture.shape[1], order=1)


def resized(
    picture: Float[np.ndarray, "a b"], height: int, width: int, order: int = 3
) -> Float[np.ndarray, "h w"]:
    """Return a picture at another size, pixel areas aligned."""
    factor = (height / picture.shape[0], width / picture.shape[1])
    new: Float[np.ndarray, "h w"] = ndimage.zoom(picture, factor, order=order, mode="nearest", grid_mode=True)
    return new


def marked(picture: Float[np.ndarray, "h w"], rng: Generator) -> Float[np.ndarray, "h w"]:
    """Return the film with the technologist's lead letter: L on the patient's left, or R on the right."""
    letter = "L" if rng.random() < 0.8 else "R"
    height, width = picture.shape
    scale = max(1, round(height / 512 * rng.uniform(2.0, 3.4)))
    stamp = np.kron(_LETTERS[letter], np.ones((scale, scale)))
    top = int(rng.uniform(0.03, 0.12) * height)
    aside = int(rng.uniform(0.02, 0.05) * width)
    left = width - aside - stamp.shape[1] if letter == "L" else aside
    out = picture.copy()
    where = out[top : top + stamp.shape[0], left : left + stamp.shape[1]]
    where[:] = np.maximum(where, stamp[: where.shape[0], : where.shape[1]] * rng.uniform(0.85, 0.98))
    return out
