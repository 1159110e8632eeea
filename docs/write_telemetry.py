"""Write the tables in docs/telemetry.md.  `make docs` runs this; a test compares."""

from pathlib import Path

from openleo.fleet.page import page

PAGE = Path(__file__).with_name("telemetry.md")

if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {PAGE.name}")
