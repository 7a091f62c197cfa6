"""`omega-server import` and `export`: a folder of old files, from preview to mended."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest

from omega_core.errors import ExitCode
from omega_server.cli import main
from support.old_folder import SOUND_ROWS, old_folder
from support.server_rig import make_rig

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    data = tmp_path / "data"
    with make_rig(data):
        pass

    def command(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["omega-server", *arguments, "--data", str(data)])
        with pytest.raises(SystemExit) as left:
            main()
        said = capsys.readouterr()
        return int(str(left.value.code or 0)), said.out, said.err

    return command


def test_a_folder_is_previewed_applied_mended_and_given_out(run: Run, tmp_path: Path) -> None:
    folder, bad = old_folder(tmp_path / "anciennes fiches"), tmp_path / "bad.csv"
    code, out, _ = run("import", "preview", str(folder), "--lang", "fr")
    assert code == ExitCode.INCONCLUSIVE
    assert out.splitlines()[-1] == f"new {SOUND_ROWS}  made 0  known 0  left_out 7"
    assert "aucune offre ne porte ce nom" in out
    assert "photo.jpg" not in out

    code, out, _ = run(
        "import", "apply", str(folder), "--by", "Ana", "--to-mend", str(bad), "--json"
    )
    assert code == ExitCode.INCONCLUSIVE
    assert json.loads(out)["counts"] == {"new": 0, "made": SOUND_ROWS, "known": 0, "left_out": 7}
    assert bad.stat().st_mode & 0o077 == 0, "it has people in it"

    mapping = tmp_path / "mapping.toml"
    mapping.write_text('date_order = "day-first"\n[plans]\n"Fibre 300 Méga" = "FTTH-300-100"\n')
    rows = list(csv.DictReader(StringIO(bad.read_text("utf-8-sig")), delimiter=";"))
    for row in rows:
        row["subscriber_ref"] = row["subscriber_ref"] or "C-0076"
        row["cpe_mac"] = row["cpe_mac"].replace("00:1A:2B:00:00", "00:1A:2B:00:00:4A")
    with bad.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    mend = ("import", "apply", str(bad), "--mapping", str(mapping), "--take-doubtful")
    code, out, err = run(*mend)
    assert (code, err) == (0, ""), out
    assert out.splitlines()[-1] == "new 0  made 7  known 0  left_out 0"
    assert run(*mend)[1].splitlines()[-1] == "new 0  made 0  known 7  left_out 0"

    for name in ("out.csv", "out.xlsx"):
        given = tmp_path / name
        code, out, _ = run("export", "--to", str(given), "--personal")
        assert (code, out) == (0, f"{given}  {SOUND_ROWS + 7} rows\n")
        code, out, _ = run("import", "apply", str(given), "--take-doubtful")
        assert (code, out.splitlines()[-1]) == (
            0,
            f"new 0  made 0  known {SOUND_ROWS + 7}  left_out 0",
        )


def test_questions_are_written_into_a_mapping(run: Run, tmp_path: Path) -> None:
    file, mapping = tmp_path / "a.csv", tmp_path / "m.toml"
    file.write_text("Code client;Offre;Date;Couleur\nC-1;FTTH-300-100;2020-01-02;vert\n")
    ask = ("import", "preview", str(file), "--save-mapping", str(mapping))
    assert run(*ask)[0] == ExitCode.INCONCLUSIVE
    assert '# "Date" = "contract_date"  # or install_date' in mapping.read_text()
    assert run(*ask)[0] == ExitCode.USAGE, "what a person has filled in is not written over"
    mapping.write_text(mapping.read_text().replace('# "', '"'))
    assert run("import", "apply", str(file), "--mapping", str(mapping))[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(("import", "apply", "{}/none.csv"), 74, "none.csv", id="no such file"),
        pytest.param(("import", "apply", "{}"), 64, "no file of Excel", id="an empty folder"),
        pytest.param(("import", "apply", "{}/p.jpg"), 64, "", id="a picture"),
        pytest.param(("import", "apply", "{}/p.jpg", "--by", "a b"), 64, "a name", id="no name"),
        pytest.param(("export", "--to", "{}/a.pdf"), 64, ".csv or .xlsx", id="no such kind"),
        pytest.param(
            ("import", "preview", "{}/p.jpg", "--mapping", "{}/p.jpg"), 64, "p.jpg", id="no mapping"
        ),
    ],
)
def test_what_can_not_be_done_is_said(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "p.jpg").write_bytes(b"\xff\xd8\xff")
    left, _, err = run(*(each.format(folder) for each in arguments))
    assert left == code
    assert said in err
