"""Lists a page at a time: `limit` items after a cursor, and a link to the next."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query, Request
from pydantic import BaseModel, Field

from openleo.base.errors import BadInput

T = TypeVar("T")
Shown = TypeVar("Shown", bound=BaseModel)
MOST = 500


class Page(BaseModel, Generic[Shown]):
    """Some items, and where there are more."""

    items: list[Shown]
    next: str | None = Field(description="the page after this one; null where this is the last")


@dataclass(frozen=True, slots=True)
class Window:
    """What part of a list is wanted."""

    request: Request
    limit: int
    after: str | None

    def page(
        self,
        rows: Iterable[T],
        show: Callable[[T], Shown],
        *,
        key: Callable[[T], str],
        descending: bool = False,
    ) -> Page[Shown]:
        """Return the rows after the cursor, of a list that ``key`` orders."""
        chosen: list[T] = []
        for row in rows:
            if self.after is not None:
                here = key(row)
                if here >= self.after if descending else here <= self.after:
                    continue
            if len(chosen) == self.limit:
                return Page(items=[show(r) for r in chosen], next=self.link(key(chosen[-1])))
            chosen.append(row)
        return Page(items=[show(r) for r in chosen], next=None)

    def link(self, last: str) -> str:
        """Return the address of the page after an item."""
        cursor = urlsafe_b64encode(last.encode()).decode().rstrip("=")
        url = self.request.url.include_query_params(cursor=cursor, limit=self.limit)
        return f"{url.path}?{url.query}"


def window(
    request: Request,
    limit: Annotated[int, Query(ge=1, le=MOST, description="how many items at most")] = 100,
    cursor: Annotated[
        str | None, Query(max_length=400, pattern=r"^[A-Za-z0-9_-]*$", description="from `next`")
    ] = None,
) -> Window:
    """Read what part of a list is wanted; raises BadInput for a cursor that is none."""
    if not cursor:
        return Window(request, limit, None)
    try:
        after = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (ValueError, Error):
        raise BadInput("the cursor is not one of ours", "follow `next`, or leave it out") from None
    return Window(request, limit, after)


Paged = Annotated[Window, Depends(window)]
