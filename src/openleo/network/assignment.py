"""Which satellite serves which cell: preference first, but under shortage as many cells as possible.

Each cell takes its best candidate that still has beam time and, without an inter-satellite route, can have a
gateway antenna.  Cells left over are served by augmenting paths: a satellite gives up a cell that another can
take.  Antennas are matched to satellites in the same way; where they are short, a satellite may lose its
antenna to one that serves more cells.
"""

import numpy as np

from openleo.base.compile import njit, njit_inlined
from openleo.network.board import Board, Demand, Limits

_MAX_SWAPS = 32


@njit
def _antenna(s: int, demand: Demand, board: Board, seen: np.ndarray, stamp: int) -> bool:
    """Give satellite ``s`` an antenna by an augmenting path over gateways; breadth first."""
    gateways = board.free_antennas.shape[0]
    asker = np.empty(gateways, np.int64)  # which satellite wants the gateway
    queue = np.empty(gateways, np.int64)
    head = tail = 0
    for j in range(demand.gateways.shape[1]):
        g = demand.gateways[s, j]
        if g >= 0 and seen[g] != stamp:
            seen[g] = stamp
            asker[g] = s
            queue[tail] = g
            tail += 1
    while head < tail:
        g = queue[head]
        head += 1
        if board.free_antennas[g] > 0:
            board.free_antennas[g] -= 1
            while True:
                taker = asker[g]
                before = board.gateway[taker]
                board.gateway[taker] = g
                if taker == s:
                    return True
                g = before
        for t in range(board.gateway.shape[0]):
            if board.gateway[t] != g:
                continue
            for j in range(demand.gateways.shape[1]):
                other = demand.gateways[t, j]
                if other >= 0 and seen[other] != stamp:
                    seen[other] = stamp
                    asker[other] = t
                    queue[tail] = other
                    tail += 1
    return False


@njit_inlined
def acquire(s: int, demand: Demand, limits: Limits, board: Board) -> bool:
    """Make sure satellite ``s`` has its way down; prefer the antenna that follows it already."""
    if not (limits.antennas_bind and demand.needs_antenna[s]) or board.gateway[s] >= 0:
        return True
    if board.shut[s]:
        return False
    present = demand.present_gateway[s]
    if present >= 0 and board.free_antennas[present] > 0:
        for j in range(demand.gateways.shape[1]):
            if demand.gateways[s, j] == present:
                board.free_antennas[present] -= 1
                board.gateway[s] = present
                return True
    for j in range(demand.gateways.shape[1]):
        g = demand.gateways[s, j]
        if g >= 0 and board.free_antennas[g] > 0:
            board.free_antennas[g] -= 1
            board.gateway[s] = g
            return True
    if _antenna(s, demand, board, np.zeros(board.free_antennas.shape[0], np.int64), 1):
        return True
    board.shut[s] = True
    return False


@njit
def _release(s: int, demand: Demand, limits: Limits, board: Board) -> None:
    """Give back the antenna of a satellite that serves nobody."""
    if limits.antennas_bind and demand.needs_antenna[s] and board.load[s] == 0 and board.gateway[s] >= 0:
        board.free_antennas[board.gateway[s]] += 1
        board.gateway[s] = -1


@njit
def greedy(demand: Demand, limits: Limits, board: Board, stay: float, load_weight: float) -> int:
    """Let each cell in its turn take the best satellite it can have; return how many are left over
    though they have candidates."""
    capacity = limits.beams * limits.dwells
    left_over = 0
    for i in range(demand.order.shape[0]):
        c = demand.order[i]
        if demand.terminals[c] <= 0:
            continue
        chosen, best = -1, -np.inf
        for j in range(demand.candidates.shape[1]):
            s = demand.candidates[c, j]
            if s < 0:
                break
            value = demand.utility[c, j]
            if load_weight == 0.0 and value + max(stay, 0.0) <= best:
                break  # the rest are worse, whoever is present
            if s == demand.present[c]:
                value += stay
            value += load_weight * board.load[s] / capacity
            if value > best and board.load[s] < capacity and acquire(s, demand, limits, board):
                chosen, best = s, value
        board.first[c] = chosen
        if chosen >= 0:
            board.load[chosen] += 1
        else:
            left_over += demand.candidates[c, 0] >= 0
    if left_over > 0:  # an antenna may have been taken for a candidate that lost to a later one
        for s in range(board.load.shape[0]):
            _release(s, demand, limits, board)
    return left_over


@njit
def _members(board: Board) -> tuple[np.ndarray, np.ndarray]:
    """Return the cells of each satellite as linked lists: head (N,), following (C,)."""
    head = np.full(board.load.shape[0], -1, np.int32)
    following = np.full(board.first.shape[0], -1, np.int32)
    for c in range(board.first.shape[0]):
        s = board.first[c]
        if s >= 0:
            following[c] = head[s]
            head[s] = c
    return head, following


@njit
def _unlink(c: int, s: int, head: np.ndarray, following: np.ndarray) -> None:
    if head[s] == c:
        head[s] = following[c]
        return
    at = head[s]
    while following[at] != c:
        at = following[at]
    following[at] = following[c]


@njit
def _reassign(c: int, s: int, board: Board, head: np.ndarray, following: np.ndarray) -> None:
    """Move cell ``c`` to satellite ``s`` (-1: to none)."""
    before = board.first[c]
    if before >= 0:
        _unlink(c, before, head, following)
        board.load[before] -= 1
    board.first[c] = s
    if s >= 0:
        following[c] = head[s]
        head[s] = c
        board.load[s] += 1


@njit
def _offer(
    c: int, demand: Demand, limits: Limits, board: Board, dead: np.ndarray, asker: np.ndarray, queue: np.ndarray
) -> int:
    """Ask every new candidate of cell ``c``; return one with room, or -1.  queue[-1] counts the queue."""
    for j in range(demand.candidates.shape[1]):
        s = demand.candidates[c, j]
        if s < 0:
            break
        if asker[s] >= 0 or dead[s] or not acquire(s, demand, limits, board):
            continue
        asker[s] = c
        if board.load[s] < limits.beams * limits.dwells:
            return s
        queue[queue[-1]] = s
        queue[-1] += 1
    return -1


@njit
def _augment(
    start: int, demand: Demand, limits: Limits, board: Board, head: np.ndarray, following: np.ndarray,
    dead: np.ndarray,
) -> bool:  # fmt: skip
    """Serve one more cell by moving others along a shortest path; satellites that cannot help are marked
    dead (N,): once a search has failed, nothing it reached can help a later one."""
    asker = np.full(board.load.shape[0], -1, np.int32)
    queue = np.zeros(board.load.shape[0] + 1, np.int32)
    s = _offer(start, demand, limits, board, dead, asker, queue)
    begin = 0
    while s < 0 and begin < queue[-1]:
        c = head[queue[begin]]
        while s < 0 and c >= 0:
            s = _offer(c, demand, limits, board, dead, asker, queue)
            c = following[c]
        begin += 1
    if s < 0:
        for i in range(queue[-1]):
            dead[queue[i]] = True
        return False
    while True:
        mover = asker[s]
        before = board.first[mover]
        _reassign(mover, s, board, head, following)
        if mover == start:
            return True
        s = before


@njit
def _augment_all(
    waiting: np.ndarray, demand: Demand, limits: Limits, board: Board, head: np.ndarray, following: np.ndarray
) -> int:
    """Serve what augmenting paths can serve of ``waiting``, in its order; return how many are left over."""
    dead = np.zeros(board.load.shape[0], np.bool_)
    left_over = 0
    for i in range(waiting.shape[0]):
        c = waiting[i]
        if board.first[c] < 0:
            left_over += not _augment(c, demand, limits, board, head, following, dead)
    return left_over


@njit
def _waiting(demand: Demand, board: Board) -> np.ndarray:
    """Return the cells that ask, have candidates and no satellite, in their turn."""
    out = np.empty(demand.order.shape[0], np.int32)
    count = 0
    for i in range(demand.order.shape[0]):
        c = demand.order[i]
        if demand.terminals[c] > 0 and board.first[c] < 0 and demand.candidates[c, 0] >= 0:
            out[count] = c
            count += 1
    return out[:count]


@njit
def _gains(waiting: np.ndarray, demand: Demand, board: Board) -> np.ndarray:
    """Count for each satellite that could have no antenna (N,) the waiting cells that it could serve."""
    gain = np.zeros(board.load.shape[0], np.int32)
    for i in range(waiting.shape[0]):
        for j in range(demand.candidates.shape[1]):
            s = demand.candidates[waiting[i], j]
            if s >= 0 and board.shut[s]:
                gain[s] += 1
    return gain


@njit
def _loss(s: int, demand: Demand, limits: Limits, board: Board, head: np.ndarray, following: np.ndarray) -> int:
    """Count the cells of satellite ``s`` that no other open satellite could take."""
    capacity = limits.beams * limits.dwells
    loss = 0
    c = head[s]
    while c >= 0:
        stranded = True
        for j in range(demand.candidates.shape[1]):
            other = demand.candidates[c, j]
            if other >= 0 and other != s and board.load[other] < capacity and (
                board.gateway[other] >= 0 or not demand.needs_antenna[other]
            ):
                stranded = False
                break
        loss += stranded
        c = following[c]
    return loss


@njit
def _swap(
    loser: int, winner: int, waiting: np.ndarray, demand: Demand, limits: Limits, board: Board,
    head: np.ndarray, following: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Hand the loser's antenna to the winner; return the cells that wait now, the loser's last."""
    lost = np.empty(board.load[loser], np.int32)
    for i in range(lost.shape[0]):
        lost[i] = head[loser]
        _reassign(head[loser], -1, board, head, following)
    board.gateway[winner] = board.gateway[loser]
    board.gateway[loser] = -1
    board.shut[loser], board.shut[winner] = True, False
    return np.concatenate((waiting, lost))


@njit
def _best_swap(
    gain: np.ndarray, tried: np.ndarray, count: int, demand: Demand, limits: Limits, board: Board,
    head: np.ndarray, following: np.ndarray,
) -> tuple[int, int]:  # fmt: skip
    """Return the untried (loser, winner) at one gateway with the largest gain less loss, or (-1, -1)."""
    best, loser, winner = 0, -1, -1
    loss = np.full(gain.shape[0], -1, np.int32)
    for w in range(gain.shape[0]):
        if gain[w] <= best:
            continue
        for t in range(gain.shape[0]):
            g = board.gateway[t]
            if g < 0:
                continue
            for j in range(demand.gateways.shape[1]):
                if demand.gateways[w, j] != g:
                    continue
                if loss[t] < 0:
                    loss[t] = _loss(t, demand, limits, board, head, following)
                if gain[w] - loss[t] > best and not _was_tried(tried, count, t, w):
                    best, loser, winner = gain[w] - loss[t], t, w
                break
    return loser, winner


@njit
def _was_tried(tried: np.ndarray, count: int, loser: int, winner: int) -> bool:
    for i in range(count):
        if tried[i, 0] == loser and tried[i, 1] == winner:
            return True
    return False


@njit
def relieve(demand: Demand, limits: Limits, board: Board) -> int:
    """Serve left-over cells by augmenting paths, then by moving antennas; return how many stay unserved."""
    head, following = _members(board)
    waiting = _waiting(demand, board)
    left_over = _augment_all(waiting, demand, limits, board, head, following)
    if left_over == 0 or not limits.antennas_bind:
        return left_over
    tried = np.empty((_MAX_SWAPS, 2), np.int32)
    for i in range(_MAX_SWAPS):
        waiting = _waiting(demand, board)
        gain = _gains(waiting, demand, board)
        loser, winner = _best_swap(gain, tried, i, demand, limits, board, head, following)
        if loser < 0:
            break
        tried[i, 0], tried[i, 1] = loser, winner
        before = (
            board.first.copy(), board.load.copy(), board.gateway.copy(), board.shut.copy(),
            board.free_antennas.copy(), head.copy(), following.copy(),
        )  # fmt: skip
        waiting = _swap(loser, winner, waiting, demand, limits, board, head, following)
        now = _augment_all(waiting, demand, limits, board, head, following)
        if now < left_over:
            left_over = now
            continue
        board.first[:], board.load[:], board.gateway[:], board.shut[:] = before[0], before[1], before[2], before[3]
        board.free_antennas[:], head[:], following[:] = before[4], before[5], before[6]
    return left_over
