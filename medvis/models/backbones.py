"""Networks of other libraries, each as pixels -> a map of vectors and, where it has one, a whole."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from medvis.errors import BadWeights

STRIDE = 16  # 14 x 14 cells at 224; the 7 x 7 of stride 32 is too coarse for nodules


class Pyramid(nn.Module):
    """A network of maps: its stride-16 map beside its last one, brought to the same grid.

    The stride-16 map says where, the last one what (it sees five times as far). Both are linear outputs of
    very different size, so each cell's vector is standardised map by map before they are joined: a head
    then sees both, whatever the network.

    Args:
        net: A timm model with `forward_intermediates`.
        size: Side of its input.
    """

    def __init__(self, net: Any, size: int) -> None:  # noqa: ANN401  timm's models share no type
        super().__init__()
        with torch.no_grad():
            maps = net.eval().forward_intermediates(torch.zeros(1, 3, size, size), intermediates_only=True)
        fine = max(index for index, one in enumerate(maps) if one.shape[-1] >= size // STRIDE)
        self.indices = sorted({fine, len(maps) - 1})
        net.prune_intermediate_layers(self.indices, prune_norm=True, prune_head=True)
        self.net = net
        self.width = sum(int(maps[index].shape[1]) for index in self.indices)

    def forward(self, pixels: Float[Tensor, "b 3 s s"]) -> tuple[Float[Tensor, "b w gh gw"], None]:
        """Return the joined map; the whole is left to be its mean over the film."""
        maps = self.net.forward_intermediates(pixels, indices=self.indices, intermediates_only=True)
        grid = maps[0].shape[-2:]
        even = [_standardise(one.float()) for one in maps]
        same = [functional.interpolate(one, grid, mode="bilinear", align_corners=False) for one in even[1:]]
        return torch.cat([even[0], *same], 1), None


class TokenGrid(nn.Module):
    """A timm vision transformer: its patch tokens as a map, its class token as the whole.

    Args:
        net: A timm model with `patch_embed` and `num_prefix_tokens`.
    """

    def __init__(self, net: Any) -> None:  # noqa: ANN401
        super().__init__()
        net.reset_classifier(0)
        self.net = net
        self.grid: tuple[int, int] = tuple(net.patch_embed.grid_size)
        self.width = int(net.num_features)
        self.has_class = getattr(net, "cls_token", None) is not None

    def forward(
        self, pixels: Float[Tensor, "b 3 s s"]
    ) -> tuple[Float[Tensor, "b w gh gw"], Float[Tensor, "b w"] | None]:
        """Return patch tokens, without class and register tokens, and the class token."""
        tokens = self.net.forward_features(pixels).float()
        patches = tokens[:, self.net.num_prefix_tokens :].transpose(1, 2).unflatten(2, self.grid)
        return patches, tokens[:, 0] if self.has_class else None


class Transformer(nn.Module):
    """An image model of transformers, such as RAD-DINO: tokens or a map.

    Args:
        net: A model whose output has `last_hidden_state`.
        size: Side of its input.
    """

    def __init__(self, net: Any, size: int) -> None:  # noqa: ANN401
        super().__init__()
        self.net = net
        with torch.no_grad():
            state = net.eval()(torch.zeros(1, 3, size, size)).last_hidden_state
        self.width = int(state.shape[1] if state.ndim == 4 else state.shape[2])
        side = size // int(getattr(net.config, "patch_size", size))
        self.grid = tuple(state.shape[2:]) if state.ndim == 4 else (side, side)
        self.prefix = 0 if state.ndim == 4 else int(state.shape[1]) - side * side
        if self.prefix < 0 or self.grid[0] < 2:
            raise BadWeights(
                f"The {net.config.model_type} model gives {tuple(state.shape)} at {size} pixels: no grid.",
                remedy="Choose a size that is a multiple of its patch size, or another model.",
            )

    def forward(
        self, pixels: Float[Tensor, "b 3 s s"]
    ) -> tuple[Float[Tensor, "b w gh gw"], Float[Tensor, "b w"] | None]:
        """Return the last state as a map, and its first token if there are prefix tokens."""
        state = self.net(pixels).last_hidden_state.float()
        if state.ndim == 4:
            return _standardise(state), None
        patches = state[:, self.prefix :].transpose(1, 2).unflatten(2, self.grid)
        return patches, state[:, 0] if self.prefix else None


def _standardise(cells: Float[Tensor, "b w gh gw"]) -> Float[Tensor, "b w gh gw"]:
    last = cells.movedim(1, -1)
    return functional.layer_norm(last, last.shape[-1:]).movedim(-1, 1)
