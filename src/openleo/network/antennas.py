"""Gateway antennas: each follows one satellite, and a satellite without lasers needs one to serve.

Antennas are matched to satellites by augmenting paths: a gateway that is full hands a satellite on to another
that has an antenna to spare.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from openleo.network.board import Board, Demand, Limits
from openleo.network.kernels import helper, helper_inlined, kernel


class Antennas(NamedTuple):
    """Which satellites each gateway follows, and what searches know; N satellites, G gateways.

    head (G,) int32 and fellow (N,) int32: the followed satellites as linked lists, -1 at their ends.  claims
    (G,) int32: satellites that it followed in the slot before and that have not asked yet, claimant (N,)
    bool.  shut (N,) bool: asked in vain.  closed (G,) bool: reached by a search in vain, which no later one
    needs to enter.  asker, queue (G,) int32: scratch, asker -1 between searches.
    """

    head: NDArray[np.int32]
    fellow: NDArray[np.int32]
    claims: NDArray[np.int32]
    claimant: NDArray[np.bool_]
    shut: NDArray[np.bool_]
    closed: NDArray[np.bool_]
    asker: NDArray[np.int32]
    queue: NDArray[np.int32]


def antennas_on(demand: Demand, board: Board) -> Antennas:
    """Return the antennas as they stand on a board."""
    gateways, satellites = len(board.free_antennas), len(board.gateway)
    out = Antennas(
        head=np.full(gateways, -1, np.int32),
        fellow=np.full(satellites, -1, np.int32),
        claims=np.zeros(gateways, np.int32),
        claimant=np.zeros(satellites, np.bool_),
        shut=np.zeros(satellites, np.bool_),
        closed=np.zeros(gateways, np.bool_),
        asker=np.full(gateways, -1, np.int32),
        queue=np.empty(gateways, np.int32),
    )
    _list_followed(demand, board, out)
    return out


@kernel
def _list_followed(demand: Demand, board: Board, antennas: Antennas) -> None:
    for s in range(board.gateway.shape[0]):
        g = board.gateway[s]
        if g >= 0:
            antennas.fellow[s] = antennas.head[g]
            antennas.head[g] = s
        elif demand.needs_antenna[s] and _can_keep(s, demand):
            antennas.claims[demand.present_gateway[s]] += 1
            antennas.claimant[s] = True


@helper_inlined
def _can_keep(s: int, demand: Demand) -> bool:
    """Tell whether satellite ``s`` can still use the gateway that followed it in the slot before."""
    present = demand.present_gateway[s]
    if present >= 0:
        for j in range(demand.gateways.shape[1]):
            if demand.gateways[s, j] == present:
                return True
    return False


@helper_inlined
def follow(s: int, g: int, board: Board, antennas: Antennas) -> None:
    """Let an antenna of gateway ``g`` follow satellite ``s``; the caller keeps ``free_antennas``."""
    board.gateway[s] = g
    antennas.fellow[s] = antennas.head[g]
    antennas.head[g] = s


@helper_inlined
def leave(s: int, board: Board, antennas: Antennas) -> None:
    """Take satellite ``s`` from its gateway; the caller keeps ``free_antennas``."""
    g = board.gateway[s]
    board.gateway[s] = -1
    if antennas.head[g] == s:
        antennas.head[g] = antennas.fellow[s]
        return
    at = antennas.head[g]
    while antennas.fellow[at] != s:
        at = antennas.fellow[at]
    antennas.fellow[at] = antennas.fellow[s]


@helper
def _enter(s: int, tail: int, demand: Demand, antennas: Antennas) -> int:
    """Queue the gateways of satellite ``s`` that the search has not met; return the queue's new end."""
    for j in range(demand.gateways.shape[1]):
        g = demand.gateways[s, j]
        if g >= 0 and antennas.asker[g] < 0 and not antennas.closed[g]:
            antennas.asker[g] = s
            antennas.queue[tail] = g
            tail += 1
    return tail


@helper
def reach(s: int, demand: Demand, board: Board, antennas: Antennas) -> tuple[int, int]:
    """Search breadth first from satellite ``s`` for a gateway with an antenna to spare.

    Return it, or -1, and how many gateways of ``queue`` were met; `forget` must follow.
    """
    tail = _enter(s, 0, demand, antennas)
    at = 0
    while at < tail:
        g = antennas.queue[at]
        if board.free_antennas[g] > 0:
            return g, tail
        t = antennas.head[g]
        while t >= 0:
            tail = _enter(t, tail, demand, antennas)
            t = antennas.fellow[t]
        at += 1
    return -1, tail


@helper
def forget(met: int, close: bool, antennas: Antennas) -> None:
    """Clear up after a search that met so many gateways; ``close`` them to later ones."""
    for i in range(met):
        antennas.asker[antennas.queue[i]] = -1
        antennas.closed[antennas.queue[i]] |= close


@helper
def make_room(s: int, demand: Demand, board: Board, antennas: Antennas) -> bool:
    """Give satellite ``s`` an antenna by an augmenting path over gateways."""
    g, met = reach(s, demand, board, antennas)
    if g >= 0:
        board.free_antennas[g] -= 1
        while True:
            taker = antennas.asker[g]
            before = board.gateway[taker]
            if before >= 0:
                leave(taker, board, antennas)
            follow(taker, g, board, antennas)
            if taker == s:
                break
            g = before
    forget(met, g < 0, antennas)
    return g >= 0


@helper
def _ask(s: int, demand: Demand, board: Board, antennas: Antennas) -> bool:
    """Get an antenna: the present one, else one nobody claims, else any, else one that others make free."""
    if antennas.claimant[s]:
        present = demand.present_gateway[s]
        antennas.claimant[s] = False
        antennas.claims[present] -= 1
        if board.free_antennas[present] > 0:
            board.free_antennas[present] -= 1
            follow(s, present, board, antennas)
            return True
    for spared in (True, False):
        for j in range(demand.gateways.shape[1]):
            g = demand.gateways[s, j]
            if g >= 0 and board.free_antennas[g] > (antennas.claims[g] if spared else 0):
                board.free_antennas[g] -= 1
                follow(s, g, board, antennas)
                return True
    antennas.shut[s] = not make_room(s, demand, board, antennas)
    return not antennas.shut[s]


@helper_inlined
def may_serve(s: int, demand: Demand, limits: Limits, board: Board, antennas: Antennas) -> bool:
    """Tell whether satellite ``s`` has its way down or has not asked for an antenna in vain."""
    return (
        board.gateway[s] >= 0
        or not limits.antennas_bind
        or not demand.needs_antenna[s]
        or not antennas.shut[s]
    )


@helper_inlined
def acquire(s: int, demand: Demand, limits: Limits, board: Board, antennas: Antennas) -> bool:
    """Make sure satellite ``s`` has its way down; prefer the antenna that follows it already."""
    if board.gateway[s] >= 0 or not limits.antennas_bind or not demand.needs_antenna[s]:
        return True
    return not antennas.shut[s] and _ask(s, demand, board, antennas)


@helper
def release_if_idle(s: int, board: Board, antennas: Antennas) -> None:
    """Take the antenna of satellite ``s`` if it serves nobody; those that asked in vain may ask again."""
    g = board.gateway[s]
    if g < 0 or board.load[s] > 0:
        return
    leave(s, board, antennas)
    board.free_antennas[g] += 1
    for t in range(antennas.shut.shape[0]):
        antennas.shut[t] = False
    for other in range(antennas.closed.shape[0]):
        antennas.closed[other] = False
