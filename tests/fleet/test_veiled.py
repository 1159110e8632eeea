"""What those see of the fleet's table who look at it and do not act."""

import pytest

from openleo.fleet.table.veiled import WITHHELD, without_phones


@pytest.mark.parametrize(
    "phone",
    [
        "+380 50 111", "+380 (50) 111-22-33", "050.111.2233", "(050) 111 22 33", "2-15-44", "0501112233",
        "00380501112233",
        "+49\u00a030\u00a01234567", "030/1234567", "+1\u20132025550123",
        "\u0660\u0665\u0660\u0661\u0661\u0661",
        "+ 380501112233",
    ],
)  # fmt: skip
@pytest.mark.parametrize("text", ["Olena Lys, {}", "{} Olena Lys", "Olena Lys tel. {} or Petro", "{}"])
def test_a_phone_is_withheld_however_it_is_written_and_the_name_stays(phone: str, text: str) -> None:
    assert without_phones(text.format(phone)) == text.format(WITHHELD)


def test_several_phones_are_withheld() -> None:
    assert without_phones("Olena, +380501112233; +380 67 111 22 33") == f"Olena, {WITHHELD}; {WITHHELD}"


@pytest.mark.parametrize(
    "text", ["", "Olena Lys", "Brigade 12", "School 7, room 1204", "12th Unit (3)", "A-1-2 B"]
)
def test_a_text_without_a_phone_is_as_it_was(text: str) -> None:
    assert without_phones(text) == text
