"""What every test may ask for."""

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder of real files (``OPENLEO_TEST_DATA``); tests that need it skip where it is not."""
    folder = Path(os.environ.get("OPENLEO_TEST_DATA", _DEFAULT))
    if not folder.is_dir():
        reason = f"real files are not here: set OPENLEO_TEST_DATA (looked in {folder.name}/)"
        if os.environ.get("OPENLEO_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
