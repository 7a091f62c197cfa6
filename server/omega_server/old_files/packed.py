"""What is asked of a zip archive before a library opens it.

Workbooks and documents are archives of XML. Each part is unpacked once here, in pieces that are
thrown away, and counted: what an archive says of its own sizes is a claim. The formats allow no
document type, so a part that has one (entities that multiply, files that are fetched) is refused,
and so are macros: no table needs them, and those who receive the file again would run them.
"""

from __future__ import annotations

import zipfile
import zlib
from io import BytesIO

from omega_core.limits import (
    OLD_FILE_PART_BYTES_MAX,
    OLD_FILE_PARTS_MAX,
    OLD_FILE_RATIO_FROM_BYTES,
    OLD_FILE_RATIO_MAX,
    OLD_FILE_UNPACKED_BYTES_MAX,
)
from omega_server.old_files.grids import UnreadableFileError

_PIECE_BYTES = 1 << 16
_ENCRYPTED = 0x1
_DECLARATIONS = tuple(
    text.encode(encoding)
    for text in ("<!DOCTYPE", "<!ENTITY")
    for encoding in ("utf-8", "utf-16-le", "utf-16-be")
)
_OVERLAP = max(map(len, _DECLARATIONS)) - 1
_SAVE_AGAIN = "open it in the program that made it, and save it again"
_BOMB = "treat it as hostile; do not open it"


def parts_of(data: bytes) -> frozenset[str]:
    """Return the names of the parts; raises UnreadableFileError for what is not to be opened."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return _checked(archive)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
        raise UnreadableFileError("a damaged archive", _SAVE_AGAIN) from error
    except (NotImplementedError, RuntimeError) as error:
        raise UnreadableFileError("an archive packed in an unusual way", _SAVE_AGAIN) from error


def _checked(archive: zipfile.ZipFile) -> frozenset[str]:
    parts = archive.infolist()
    names = frozenset(part.filename for part in parts)
    if len(parts) > OLD_FILE_PARTS_MAX:
        raise UnreadableFileError(f"an archive of more than {OLD_FILE_PARTS_MAX} parts", _BOMB)
    if len(names) < len(parts):
        raise UnreadableFileError("an archive with two parts of one name", _BOMB)
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise UnreadableFileError("an encrypted archive", "save it without a password")
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise UnreadableFileError(
            "a file with macros", "save it as .xlsx or .docx, which leaves them out"
        )
    unpacked = 0
    for part in parts:
        unpacked += _size(archive, part, OLD_FILE_UNPACKED_BYTES_MAX - unpacked)
    return names


def _size(archive: zipfile.ZipFile, part: zipfile.ZipInfo, left: int) -> int:
    """Return how large a part is unpacked; raises UnreadableFileError once it is too much."""
    size, tail = 0, b""
    with archive.open(part) as stream:
        while piece := stream.read(_PIECE_BYTES):
            size += len(piece)
            if size > min(left, OLD_FILE_PART_BYTES_MAX) or _is_bomb(size, part.compress_size):
                raise UnreadableFileError("an archive that unpacks to far more than it is", _BOMB)
            seen = tail + piece
            if any(declaration in seen for declaration in _DECLARATIONS) and _is_xml(part):
                raise UnreadableFileError("XML with a document type", _BOMB)
            tail = seen[-_OVERLAP:]
    return size


def _is_bomb(size: int, packed: int) -> bool:
    return size > OLD_FILE_RATIO_FROM_BYTES and size > OLD_FILE_RATIO_MAX * max(packed, 1)


def _is_xml(part: zipfile.ZipInfo) -> bool:
    return part.filename.lower().endswith((".xml", ".rels", ".vml"))
