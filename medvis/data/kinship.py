"""Which DICOM files are of one patient and of one study, without learning of whom; runs in the worker.

Identifiers never leave the worker: what leaves is their HMAC under a key that is made for one import and
thrown away, so that it can be compared with others of that import and with nothing else.
"""

import hmac
import io

from pydicom import dcmread

from medvis.data.gate import inflated, is_dicom
from medvis.data.verdict import Refused


def read(data: bytes | bytearray, key: bytes) -> dict[str, str]:
    """Return the pseudonyms "patient" and "study" of a DICOM object; "" where it does not say.

    Args:
        data: Its beginning; the pixels may be missing.
        key: Secret of the import.

    Raises:
        Refused: If it is no DICOM object.
    """
    if not is_dicom(data):
        raise Refused("unknown-format")
    wanted = ["PatientID", "IssuerOfPatientID", "StudyInstanceUID"]
    found = dcmread(io.BytesIO(inflated(data)), force=True, stop_before_pixels=True, specific_tags=wanted)
    patient, issuer, study = (str(found.get(keyword) or "").strip() for keyword in wanted)
    return {
        "patient": _pseudonym(key, f"{issuer}\n{patient}") if patient else "",
        "study": _pseudonym(key, study) if study else "",
    }


def _pseudonym(key: bytes, identifier: str) -> str:
    return hmac.new(key, identifier.encode(), "sha256").hexdigest()
