"""Open-i, the Indiana University collection (NLMCXR): XML reports, with or without their PNG films."""

import logging
import tarfile
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import IO

from medvis.data import facts, markup, report, rows
from medvis.data.sources import Reading, Source, table
from medvis.errors import BadSource
from medvis.types import Film, Report, Study

CREDIT = "Indiana University Chest X-ray Collection (Kohli, Rosenman); Open-i, doi:10.1093/jamia/ocv080"
_ARCHIVE = "NLMCXR_reports.tgz"
_MOST = 20_000  # reports; the collection has 3,955
_LICENCES = {"byncnd": "CC BY-NC-ND 4.0", "bync": "CC BY-NC 4.0", "by": "CC BY 4.0"}
_VIEWS = {"frontal": ("", ("frontal, AP or PA not stated",)), "lateral": ("LATERAL", ())}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Options:
    """What to take from the collection."""

    least: int = 10
    """A term is filled up with "absent" if at least this many reports have it."""


def read(path: Path, options: Options) -> Reading:
    """Yield the studies of the collection; without films, studies of a report alone.

    Labels are the first levels of the manual MeSH terms. The collection groups by report only, so each
    study is a patient of its own. Sides come from the prepared layout or from a hash.

    Args:
        path: A folder with the XML files and, somewhere below, the films; the archive NLMCXR_reports.tgz;
            or the torchxrayvision wheel or its installed folder, which hold that archive and are not run.
        options: What to take.

    Raises:
        BadSource: If there are no reports at the path.
    """
    if path.is_dir() and table.is_prepared(path):
        yield from table.prepared(path, closed=True)
        return
    found = [(name, _root(name, data)) for name, data in _reports(path)]
    roots = [root for _, root in found if root is not None]
    if not roots:
        raise BadSource(f"{path} holds no reports of Open-i.", remedy=f"Give its XML files or {_ARCHIVE}.")
    films = {one.stem: one for one in sorted(path.rglob("*.png"))} if path.is_dir() else {}
    views = _projections(path)
    labels = facts.closed([_terms(root) for root in roots], options.least)
    for root, known in zip(roots, labels, strict=True):
        yield _study(root, known, films, views)


def _study(
    root: ET.Element, labels: dict[str, int], files: dict[str, Path], views: dict[str, str]
) -> tuple[Study, tuple[Path, ...]]:
    name = _attribute(root, "uId")
    said = _text(root, "ccLicense")
    licence = _LICENCES.get(said, said)
    show = facts.show(licence)
    films, paths = [], []
    for image in root.findall("parentImage"):
        file = files.get(image.get("id", ""))
        if file is not None:
            view, notes = _VIEWS.get(views.get(file.name, ""), ("", ()))
            films.append(Film("", 0, 0, view, notes=notes, licence=licence, credit=CREDIT, show=show))
            paths.append(file)
    parts = {part.get("Label", "").upper(): part.text or "" for part in root.iter("AbstractText")}
    findings, impression = report.flow(parts.get("FINDINGS", "")), report.flow(parts.get("IMPRESSION", ""))
    written = Report(findings, impression, licence, CREDIT, show) if findings or impression else None
    return Study(name, name, "", tuple(films), written, labels), tuple(paths)


def _terms(root: ET.Element) -> tuple[str, ...]:
    """Return the first levels of a report's MeSH terms; none if it was not indexed."""
    said = [(one.text or "").partition("/")[0].strip() for one in root.iterfind("MeSH/major")]
    if "No Indexing" in said:
        return ()
    return tuple(dict.fromkeys("No Finding" if name.lower() == "normal" else name for name in said if name))


def _projections(path: Path) -> dict[str, str]:
    """Return "frontal" or "lateral" by film name, where the table of projections lies with the films."""
    file = path / "indiana_projections.csv"
    if not file.is_file():
        return {}
    return {
        row["filename"]: row["projection"].strip().lower()
        for row in rows.read(file, needs=("filename", "projection"))
    }


def _root(name: str, data: bytes) -> ET.Element | None:
    try:
        root = markup.parse(data)
    except ValueError as error:
        _log.warning("%s was left out: %s.", name, error)
        return None
    return root if root.tag == "eCitation" and _attribute(root, "uId") else None


def _attribute(root: ET.Element, tag: str) -> str:
    found = root.find(tag)
    return "" if found is None else found.get("id", "")


def _text(root: ET.Element, tag: str) -> str:
    return (root.findtext(tag) or "").strip()


def _reports(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of every report file, from a folder, an archive or a wheel."""
    if path.is_dir():
        files = sorted(path.rglob("*.xml"), key=lambda one: (len(one.name), one.name))
        archive = next(iter(sorted(path.rglob(_ARCHIVE))), None)
        if files or archive is None:
            yield from (
                (one.name, one.read_bytes()) for one in files[:_MOST] if one.stat().st_size <= markup.LARGEST
            )
        else:
            yield from _reports(archive)
    elif path.suffix in (".whl", ".zip"):
        yield from _zipped(path)
    elif path.is_file():
        with path.open("rb") as file:
            yield from _archived(file, path.name)


def _zipped(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with zipfile.ZipFile(path) as wheel:
            name = next((one for one in wheel.namelist() if one.endswith(_ARCHIVE)), None)
            if name is not None:
                with wheel.open(name) as inner:
                    yield from _archived(inner, name)
    except zipfile.BadZipFile:
        raise BadSource(f"{path} is no wheel.", remedy=f"Give {_ARCHIVE} or its folder.") from None


def _archived(file: BufferedIOBase | IO[bytes], name: str) -> Iterator[tuple[str, bytes]]:
    """Yield the XML files of a tar archive, read as a stream: nothing of it is ever written to disk."""
    try:
        with tarfile.open(fileobj=file, mode="r|gz") as archive:
            for number, member in enumerate(archive):
                if number > _MOST:
                    raise BadSource(f"{name} holds more than {_MOST} files.", remedy=f"Give {_ARCHIVE}.")
                if member.isfile() and member.name.endswith(".xml") and member.size <= markup.LARGEST:
                    inner = archive.extractfile(member)
                    yield member.name, inner.read() if inner else b""
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BadSource(
            f"{name} is damaged or no archive ({type(error).__name__}).", remedy=f"Give {_ARCHIVE}."
        ) from error


SOURCE = Source(
    "openi", "Open-i (Indiana University): reports, with their films where they are", Options, read
)
