"""Write the stream's layout where it is read: the table in docs/api-live.md, and the page's TypeScript."""

from pathlib import Path

from openleo.snapshot.stream import PARTS, SUMMARY, TYPES, VERSION

HERE = Path(__file__).resolve().parent
PAGE = HERE / "api-live.md"
LAYOUT = HERE.parent / "web" / "src" / "lib" / "layout.ts"
BEGIN, END = "<!-- stream:begin -->", "<!-- stream:end -->"
SHORT = dict(zip(TYPES, ("u8", "i16", "u16", "i32", "u32", "f32"), strict=True))
EXTRA = {
    "row": ("u32", "deltas only: which rows change"),
    "gone": ("i32", "deltas only: terminals that have no entry any more"),
}


def table() -> str:
    """Return the table of parts and columns."""
    lines = ["| part | block | column | type | unit | what |", "| --- | --- | --- | --- | --- | --- |"]
    for part in PARTS:
        if part.extra:
            kind, what = EXTRA[part.extra]
            lines.append(f"| {part.name} | {part.block(part.extra)} | `{part.extra}` | {kind} | | {what} |")
        for c in part.columns:
            kind = SHORT[c.dtype]
            lines.append(
                f"| {part.name} | {part.block(c.name)} | `{c.name}` | {kind} | {c.unit} | {c.meaning} |"
            )
    rows = [f"- `{part.name}`: {part.row}." for part in PARTS]
    return "\n".join([*lines, "", "What a row is:", "", *rows])


def page(written: str) -> str:
    """Return docs/api-live.md with its table written anew."""
    before, _, rest = written.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def typescript() -> str:
    """Return the page's module: by part its number and columns, by place the blocks of a frame."""
    lines = [
        "// Written by docs/write_stream.py from src/openleo/snapshot/stream.py.",
        f"export const VERSION = {VERSION};",
        f"export const SUMMARY = [{', '.join(map(repr, SUMMARY))}] as const;",
        "export const PARTS = {",
    ]
    for part in PARTS:
        columns = ", ".join(repr(name) for name in [part.extra, *(c.name for c in part.columns)])
        lines.append(f"  {part.name}: {{ number: {part.number}, columns: [{columns}] }},")
    return "\n".join([*lines, "} as const;", ""])


if __name__ == "__main__":
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    if LAYOUT.parent.is_dir():
        LAYOUT.write_text(typescript(), encoding="utf-8")
    print(f"wrote {PAGE.name} and {LAYOUT.name}")
