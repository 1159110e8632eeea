"""Towns are found by the beginning of their name, and by any name in any script."""

import pytest

from openleo.live.looking.towns import places_beginning


def first(text: str) -> str:
    found = places_beginning(text, limit=1)
    return f"{found[0]['name']}, {found[0]['country']}" if found else ""


@pytest.mark.parametrize(
    ("text", "name"),
    [("東京", "Tokyo, JP"), ("서울", "Seoul, KR"), ("Ош", "Osh, KG"), ("ош", "Osh, KG"), ("Уфа", "Ufa, RU")],
)
def test_a_whole_name_of_two_or_three_characters_is_found_in_its_own_script(text: str, name: str) -> None:
    assert first(text) == name


def test_two_latin_letters_are_the_beginning_of_a_name() -> None:
    assert first("ky") == "Kyiv, UA"
    names = [one["name"] for one in places_beginning("ny", limit=50)]
    assert names
    assert all(name.startswith("Ny") for name in names), "not whatever has NY for one of its names"


@pytest.mark.parametrize("text", ["", " ", "--", "12"])
def test_what_has_no_letters_finds_nothing(text: str) -> None:
    assert places_beginning(text, limit=5) == []
