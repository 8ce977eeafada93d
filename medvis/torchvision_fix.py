"""Lets torchvision import when its compiled operators cannot load.

Linux x86-64 wheels of torchvision on the public index are built for CUDA. Beside a CPU-only torch their
extension does not load and the import stops at "operator torchvision::nms does not exist"; timm, grad-cam
and the image half of transformers fail with it. Nothing here uses those operators, so their two names are
declared without a kernel and the import is tried once more. A matching pair of wheels is left untouched.
"""

import importlib.abc
import importlib.machinery
import sys
from types import ModuleType
from typing import Any

_declared: list[Any] = []  # keeps the declarations alive


class _Loader(importlib.abc.Loader):
    """The normal loader, tried a second time with the two operator names declared."""

    def __init__(self, inner: importlib.abc.Loader) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self.inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        try:
            self.inner.exec_module(module)
        except RuntimeError as error:
            if "operator torchvision::" not in str(error) or _declared:
                raise
            import torch

            for name in [name for name in sys.modules if name.startswith("torchvision.")]:
                del sys.modules[name]
            library: Any = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
            _declared.append(library)
            for operator in ("nms", "qnms"):
                library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
            self.inner.exec_module(module)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds torchvision as the other finders would, with the loader above around it."""

    def find_spec(
        self,
        fullname: str,
        path: Any,  # noqa: ANN401  a namespace package's path is no Sequence, whatever the stubs say
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "torchvision":
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Loader(spec.loader)
                return spec
        return None


def install() -> None:
    """Put the finder in front, once, unless torchvision is already imported."""
    present = any(isinstance(finder, _Finder) for finder in sys.meta_path)
    if "torchvision" not in sys.modules and not present:
        sys.meta_path.insert(0, _Finder())
