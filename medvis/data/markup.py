"""XML from outside, hardened: no document types, no entities of its own, bounded size and depth."""

import xml.etree.ElementTree as ET
from xml.parsers import expat

LARGEST = 4 << 20  # bytes
_DEEPEST = 100


def parse(data: bytes) -> ET.Element:
    """Return the root element of an XML text.

    Raises:
        ValueError: If it is not well-formed, too large or too deep, or declares a document type or an
            entity: entities can grow without bound and name files.
    """
    if len(data) > LARGEST:
        raise ValueError("too large")
    builder, depth = ET.TreeBuilder(), 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > _DEEPEST:
            raise ValueError("too deep")
        builder.start(name, attributes)

    def end(name: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name)

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(data, True)
    except expat.ExpatError:
        raise ValueError("not well-formed XML") from None
    return builder.close()


def _refuse(*_: object) -> None:
    raise ValueError("it declares a document type or an entity")
