"""Write the tables of docs/terminal-api.md: what each served field carries, and how causes are shown."""

from pathlib import Path

from openleo.dish.causes import CONNECTED, OUTAGES, shown_causes
from openleo.dish.served_fields import rows
from openleo.policy.codes import DisablementCode
from openleo.snapshot.causes import Cause

PAGE = Path(__file__).resolve().parent / "terminal-api.md"


def fields() -> str:
    """Return the table of fields."""
    lines = ["| field | no. | carries | why |", "| --- | --- | --- | --- |"]
    lines += [f"| `{row.field}` | {row.number} | {row.carried} | {row.why} |" for row in rows()]
    return "\n".join(lines)


def causes() -> str:
    """Return the table of causes."""
    table = shown_causes()
    names = {number: name for name, number in OUTAGES.items()}
    lines = ["| cause | outage shown | disablement code shown |", "| --- | --- | --- |"]
    for cause in Cause:
        outage = int(table.outage[cause])
        shown = "none: connected" if outage == CONNECTED else names[outage]
        if not table.reachable[cause]:
            shown = "none: it does not answer"
        if cause is not Cause.IDLE:
            lines.append(f"| {cause.name} | {shown} | {DisablementCode(int(table.code[cause])).name} |")
    return "\n".join(lines)


def page(written: str) -> str:
    """Return the page with its tables written anew."""
    for name, table in (("fields", fields()), ("causes", causes())):
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        before, _, rest = written.partition(begin)
        _, _, after = rest.partition(end)
        written = f"{before}{begin}\n{table}\n{end}{after}"
    return written


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"wrote {PAGE.name}")
