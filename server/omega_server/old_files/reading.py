"""A file's bytes become grids; what it is, is seen from its bytes and never from its name.

The libraries for workbooks and documents are loaded when such a file is read: a server that only
measures does without them.
"""

from __future__ import annotations

from omega_core.canonical import digest_hex
from omega_core.limits import OLD_FILE_BYTES_MAX
from omega_server.old_files.grids import FileKind, Grid, OldFile, UnreadableFileError
from omega_server.old_files.packed import parts_of
from omega_server.old_files.separated import read_separated

_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_OLE_NAMES_BYTES = 1 << 20  # its directory of names may stand anywhere; a search in a MiB is quick
_AS_CSV = "export its table as CSV"
_NOT_OURS = (
    (b"%PDF", "a PDF", "import the file it was printed from"),
    (b"\x89PNG", "a picture", "add pictures to the sheet; tables are imported"),
    (b"\xff\xd8\xff", "a picture", "add pictures to the sheet; tables are imported"),
    (b"GIF87a", "a picture", "add pictures to the sheet; tables are imported"),
    (b"GIF89a", "a picture", "add pictures to the sheet; tables are imported"),
    (b"RIFF", "a picture or a recording", "tables are imported"),
    (b"{\\rtf", "an RTF document", "save it as .docx"),
    (b"\x00\x01\x00\x00Standard ", "an Access database", _AS_CSV),
    (b"SQLite format 3", "a database", _AS_CSV),
    (b"\x7fELF", "a program", "treat it as hostile"),
    (b"MZ\x90\x00", "a program", "treat it as hostile"),
    (b"\x1f\x8b", "a packed file", "unpack it first"),
    (b"Rar!", "a packed file", "unpack it first"),
    (b"7z\xbc\xaf", "a packed file", "unpack it first"),
)


def read_file(name: str, data: bytes) -> OldFile:
    """Return the grids of a file; raises UnreadableFileError, whatever the bytes."""
    if not data.strip():
        raise UnreadableFileError("an empty file", "nothing to import")
    if len(data) > OLD_FILE_BYTES_MAX:
        raise UnreadableFileError(
            f"larger than {OLD_FILE_BYTES_MAX // 2**20} MiB", "split it into several files"
        )
    kind, grids = _grids(data)
    return OldFile(name=name, digest=digest_hex(data), kind=kind, grids=grids)


def _grids(data: bytes) -> tuple[FileKind, tuple[Grid, ...]]:
    if data.startswith(b"PK\x03\x04"):
        return _of_archive(data)
    if data.startswith(_OLE):
        raise _of_ole(data)
    for beginning, what, remedy in _NOT_OURS:
        if data.startswith(beginning):
            raise UnreadableFileError(what, remedy)
    return FileKind.CSV, read_separated(data)


def _of_archive(data: bytes) -> tuple[FileKind, tuple[Grid, ...]]:
    parts = parts_of(data)
    if "xl/workbook.xml" in parts:
        from omega_server.old_files.workbook import (  # noqa: PLC0415 - loaded when needed
            read_workbook,
        )

        return FileKind.WORKBOOK, read_workbook(data)
    if "word/document.xml" in parts:
        from omega_server.old_files.document import (  # noqa: PLC0415 - loaded when needed
            read_document,
        )

        return FileKind.DOCUMENT, read_document(data)
    if "mimetype" in parts and "content.xml" in parts:
        raise UnreadableFileError("an OpenDocument file", "save it as .xlsx, .docx or CSV")
    if "xl/workbook.bin" in parts:
        raise UnreadableFileError("a binary workbook", "save it as .xlsx")
    raise UnreadableFileError("an archive, not a table", "unpack it, and import what is in it")


def _of_ole(data: bytes) -> UnreadableFileError:
    if _ENCRYPTED_PACKAGE in data[:_OLE_NAMES_BYTES] + data[-_OLE_NAMES_BYTES:]:
        return UnreadableFileError("protected by a password", "save it without one")
    return UnreadableFileError(
        "a file of Excel or Word before 2007", "save it as .xlsx or .docx in a newer program"
    )
