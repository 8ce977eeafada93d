"""Films -> Encoded: any image model of timm or transformers behind one face."""

import logging
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from medvis.errors import BadWeights
from medvis.types import Encoded

from . import embedded, tower, weights
from .backbones import Pyramid, TokenGrid, Transformer
from .record import ImageRecord, harmless

DEFAULT = "tf_efficientnet_lite0"

log = logging.getLogger(__name__)


class ImageEncoder(nn.Module):
    """An image network with its own preprocessing.

    Args:
        backbone: The network.
        record: What it is and which grey values it expects.
    """

    def __init__(self, backbone: Pyramid | TokenGrid | Transformer, record: ImageRecord) -> None:
        super().__init__()
        self.backbone = backbone
        self.record = record
        self.mean: Tensor
        self.std: Tensor
        self.register_buffer("mean", torch.tensor(record.mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(record.std).view(1, -1, 1, 1), persistent=False)

    def forward(self, pixels: Float[Tensor, "b 1 s s"], seen: Float[Tensor, "b 1 s s"]) -> Encoded:
        """Encode films; parts are the cells of the grid, row by row.

        The whole is the class token, or else the mean of the parts weighted by how much film each shows.

        Args:
            pixels: Grey values in [0, 1], bone bright.
            seen: Share of each pixel that is film.
        """
        ready = (pixels.expand(-1, len(self.record.mean), -1, -1) - self.mean) / self.std
        cells, whole = self.backbone(ready.contiguous(memory_format=torch.channels_last))
        grid = cells.shape[-2:]
        share = functional.adaptive_avg_pool2d(seen.float(), grid)
        if whole is None:
            whole = (cells * share).sum((2, 3)) / share.sum((2, 3)).clamp_min(1e-6)
        real = functional.adaptive_max_pool2d(seen.float(), grid).flatten(1) > 0
        return Encoded("image", whole, cells.flatten(2).transpose(1, 2), real, tuple(grid))


def load(source: str, *, size: int = 224, seed: int = 0) -> ImageEncoder:
    """Return the image encoder that a source names (see `weights`), in evaluation mode.

    Args:
        source: Where its weights come from.
        size: Side of its input in pixels.
        seed: Draws the numbers of source "random".

    Raises:
        BadWeights: If there are no such weights or they do not fit.
    """
    found = weights.resolve(source)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if found.kind == "tower":
            return _tower(found)
        if found.kind == "hf":
            return _transformers(found, size)
        return _timm(found, size)


def rebuild(record: ImageRecord) -> ImageEncoder:
    """Return the architecture of a record with random weights, for a tower to be loaded into."""
    with torch.random.fork_rng(devices=[]):
        if record.backbone == "transformer":
            from transformers import AutoConfig, AutoModel

            net = AutoModel.from_config(AutoConfig.for_model(**harmless(record.config)))
        else:
            net = _create(record.architecture, record.size, pretrained=False)
        return ImageEncoder(_backbone(net, record.size), record).eval()


def _timm(found: weights.Found, size: int) -> ImageEncoder:
    random = found.kind == "random"
    architecture = DEFAULT if found.kind == "embedded" else found.name or DEFAULT
    file = found.path if found.kind == "timm" else None
    net = _create(architecture, size, pretrained=found.kind == "timm", file=str(file) if file else None)
    mean, std = tuple(net.pretrained_cfg["mean"]), tuple(net.pretrained_cfg["std"])
    if found.kind == "embedded":
        if found.path is None or found.name != "efficientnet-lite0":
            raise BadWeights(
                f"{found.source} is no image encoder.", remedy="Use embedded:efficientnet-lite0."
            )
        net.load_state_dict(embedded.efficientnet_lite0(found.path), strict=True)
        mean, std = embedded.LITE0_MEAN, embedded.LITE0_STD
    if random:
        log.warning("The image encoder %s is random: nothing that it sees means anything yet.", architecture)
    return _finish(net, found, architecture, size, mean=mean, std=std, config={})


def _create(architecture: str, size: int, *, pretrained: bool, file: str | None = None) -> Any:  # noqa: ANN401
    """Return a timm model for a size; its weights from timm's cache or hub, or from a file."""
    import timm

    if not timm.is_model(architecture):
        known = timm.list_models(f"*{architecture.partition('.')[0][:12]}*")[:5]
        raise BadWeights(f"timm has no model {architecture}.", remedy=f"Near: {', '.join(known) or 'none'}.")
    found = timm.get_pretrained_cfg(architecture)
    sized = {"img_size": size} if found.fixed_input_size and found.input_size[-1] != size else {}
    overlay = {"file": file} if file else None
    try:
        # timm and its hub raise many kinds
        return timm.create_model(architecture, pretrained=pretrained, pretrained_cfg_overlay=overlay, **sized)
    except Exception as error:
        raise BadWeights(
            f"The weights of timm:{architecture} could not be loaded ({type(error).__name__}).",
            remedy="Check the network, or give a file: timm:NAME@FILE.safetensors.",
        ) from error


def _transformers(found: weights.Found, size: int) -> ImageEncoder:
    from transformers import AutoImageProcessor, AutoModel

    try:
        net = AutoModel.from_pretrained(found.name, trust_remote_code=False, use_safetensors=True)
        prepare = AutoImageProcessor.from_pretrained(found.name, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise BadWeights(
            f"The image model {found.source} could not be loaded ({type(error).__name__}).",
            remedy="Check its name and the network; it must have safetensors weights and bring no code.",
        ) from error
    config = net.config.to_dict()
    mean, std = tuple(prepare.image_mean), tuple(prepare.image_std)
    return _finish(net, found, net.config.model_type, size, mean=mean, std=std, config=config)


def _finish(
    net: Any,  # noqa: ANN401
    found: weights.Found,
    architecture: str,
    size: int,
    *,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    config: dict[str, Any],
) -> ImageEncoder:
    """Join a network, its preprocessing and its record."""
    backbone = _backbone(net, size)
    kinds = {Pyramid: "pyramid", TokenGrid: "tokens", Transformer: "transformer"}
    with torch.no_grad():
        grid = backbone.eval()(torch.zeros(1, 3, size, size))[0].shape[-2:]
    record = ImageRecord(
        source=found.source,
        backbone=kinds[type(backbone)],
        architecture=architecture,
        sha256=found.sha256,
        about=found.about,
        size=size,
        mean=mean,
        std=std,
        width=backbone.width,
        grid=(int(grid[0]), int(grid[1])),
        random=found.kind == "random",
        config=config,
    )
    encoder = ImageEncoder(backbone, record).eval()
    encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return encoder


def _backbone(net: Any, size: int) -> Pyramid | TokenGrid | Transformer:  # noqa: ANN401
    if hasattr(net, "config"):
        return Transformer(net, size)
    if getattr(net, "num_prefix_tokens", None) is not None and hasattr(net, "patch_embed"):
        return TokenGrid(net)
    if hasattr(net, "forward_intermediates"):
        return Pyramid(net, size)
    raise BadWeights(
        f"{type(net).__name__} gives no maps.", remedy="Choose a timm model that has forward_intermediates."
    )


def _tower(found: weights.Found) -> ImageEncoder:
    if found.path is None:
        raise BadWeights(f"{found.source} is no file.", remedy="Give the path of a tower.")
    about, tensors = tower.read(found.path)
    if about["kind"] != "image":
        raise BadWeights(f"{found.path.name} is no image encoder.", remedy="Give the path of another tower.")
    encoder = rebuild(ImageRecord.of(about["record"]))
    encoder.load_state_dict(tensors, strict=True)
    return encoder
