"""Checking a copy of a log offline, for `openleo log verify`."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openleo.base.errors import BadInput
from openleo.cli._control import Where, show
from openleo.cli._text import counted

if TYPE_CHECKING:
    from openleo.control.log import Report


def check_folder(where: Where, folder: Path, vkey: str, older: Sequence[Path], *, now: datetime) -> bool:
    """Check a folder and print what was found; return whether nothing is wrong."""
    from openleo.control.log import verify_folder

    report = verify_folder(folder, vkey, older)
    shown, early = _disclosed(folder, now) if report.ok else ([], [])
    value = {
        "ok": report.ok, "checkpoint": _checkpoint(report), "checked": dict(report.checked),
        "failures": [{"file": one.file, "reason": one.reason} for one in report.failures],
        "unchecked": report.unchecked, "disclosed": shown, "early": early,
    }  # fmt: skip
    lines = [f"FAILED {one.file}: {one.reason}" for one in report.failures]
    checked = ", ".join(f"{what} {count:,}" for what, count in report.checked.items())
    lines.append(f"checked: {checked or 'nothing'}")
    lines += [f"not vouched for by anything: {name}" for name in report.unchecked]
    lines += [
        f"entry {index} is shown before {until}, when its embargo was to end: that takes another decision"
        for index, until in early
    ]
    for one in shown:
        lines += ["", f"entry {one['index']} says:", *(f"  {k}: {v}" for k, v in one["fields"].items())]
    if report.ok and report.checkpoint is not None:
        found = report.checkpoint
        lines += ["", f"all is well: {found.origin}, {counted(found.size, 'entry')}"]
    else:
        lines += ["", f"this copy is not to be trusted: {counted(len(report.failures), 'failure')}"]
    show(where, value, lines)
    return report.ok


def check_proof(where: Where, path: Path, vkey: str) -> bool:
    """Check a proof and print what it shows; return whether it holds."""
    from openleo.control.log import VerifierKey, parse_proof, verify_proof
    from openleo.control.log.files import read_regular
    from openleo.control.log.proof import MAX_PROOF_BYTES

    key = VerifierKey.parse(vkey)
    try:
        proof = parse_proof(read_regular(path, MAX_PROOF_BYTES, str(path)))
        if proof.extra is None:
            raise BadInput("it does not hold the entry that it is of", "ask for it with `openleo log proof`")
        checkpoint = verify_proof(proof, proof.extra, [key])
    except BadInput as error:
        show(
            where,
            {"ok": False, "failures": [{"file": str(path), "reason": error.detail}]},
            [f"FAILED {path}: {error.detail}"],
        )
        return False
    value = {"ok": True, "origin": checkpoint.origin, "size": checkpoint.size, "index": proof.index}
    show(where, value, [f"all is well: entry {proof.index} is in {checkpoint.origin} of {checkpoint.size:,}"])
    return True


def _disclosed(folder: Path, now: datetime) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """Return what the files of a folder that was found well show, and which are shown early."""
    from openleo.control.log import parse_disclosure
    from openleo.control.log.disclosure import DISCLOSED, MAX_DISCLOSED_BYTES
    from openleo.control.log.files import read_regular

    found = []
    early = []
    for path in sorted((folder / DISCLOSED).glob("*.json"), key=lambda path: int(path.stem)):
        one = parse_disclosure(read_regular(path, MAX_DISCLOSED_BYTES, path.name))
        fields = {opening.name: opening.value for opening in one.openings}
        found.append({"index": one.index, "fields": fields})
        if one.embargo is not None and now < one.embargo:
            early.append((one.index, str(fields["embargo"])))
    return found, early


def _checkpoint(report: "Report") -> dict[str, Any] | None:
    if report.checkpoint is None:
        return None
    found = report.checkpoint
    return {"origin": found.origin, "size": found.size, "root": found.root.hex()}
