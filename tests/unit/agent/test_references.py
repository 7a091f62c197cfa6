"""Where a diagnosis looks past the test point, as a file of the device says."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_agent.errors import NotKeptError, WrongUseError
from omega_agent.path_look import targets_of
from omega_agent.references import References, load_references
from omega_agent.server_url import parse_server_url
from omega_core.limits import LOCAL_LIMITS_BYTES_MAX, PATH_REFERENCES_MAX

FAR, OTHER = "192.0.2.53", "2001:db8::180"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "references.toml"


def test_there_need_be_no_file(file: Path) -> None:
    assert load_references(file) == References()


def test_what_the_file_says_is_where_a_diagnosis_looks(file: Path) -> None:
    file.write_text(f'addresses = ["{FAR}", "{OTHER}"]\nname_servers = ["{FAR}"]\n')
    references = load_references(file)
    server = parse_server_url("http://203.0.113.2:8600")
    targets = targets_of(server, None, references)
    assert targets.test_point == ("203.0.113.2",)
    assert (targets.references, targets.name_servers) == ((FAR, OTHER), (FAR,))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param('addresses = ["far.example"]', id="a name is no address"),
        pytest.param('addresses = "192.0.2.53"', id="one address is no list"),
        pytest.param('hosts = ["192.0.2.53"]', id="a key that nobody knows"),
        pytest.param("addresses = [", id="no TOML"),
        pytest.param(f"addresses = {[FAR] * (PATH_REFERENCES_MAX + 1)}", id="one too many"),
        pytest.param("#" * (LOCAL_LIMITS_BYTES_MAX + 1), id="a file that is too large"),
        pytest.param("\udcff", id="no text"),
    ],
)
def test_a_file_that_can_not_be_read_ends_the_command(file: Path, content: str) -> None:
    file.write_text(content, "utf-8", "surrogateescape")
    with pytest.raises(WrongUseError, match=r"references\.toml"):
        load_references(file)


def test_a_folder_in_its_place_is_told(file: Path) -> None:
    file.mkdir()
    with pytest.raises(NotKeptError):
        load_references(file)


def test_those_of_an_instruction_come_first_and_once() -> None:
    own = References(addresses=(FAR, OTHER), name_servers=(FAR,))
    assert own.joined_by((OTHER,)) == References(addresses=(OTHER, FAR), name_servers=(FAR,))
    many = tuple(f"192.0.2.{number}" for number in range(1, PATH_REFERENCES_MAX + 1))
    assert own.joined_by(many).addresses == many
