"""Roots and proofs: against published vectors, against the definition, and against what is wrong."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openleo.control.log.merkle import (
    EMPTY_ROOT,
    Accumulator,
    Tree,
    fold,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)

# The vectors of Certificate Transparency's reference tree, from github.com/transparency-dev/merkle,
# proof/verify_test.go (Apache-2.0): leaves, roots at sizes 1 to 8, and proofs.
LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
INCLUSION = [  # (leaf counted from 0, size, path)
    (0, 1, []),
    (
        0,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        5,
        8,
        [
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (2, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]),
    (
        1,
        5,
        [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
]
CONSISTENCY = [  # (old, new, path)
    (1, 1, []),
    (
        1,
        8,
        [
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ],
    ),
    (
        6,
        8,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
    (
        2,
        5,
        [
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ],
    ),
    (
        6,
        7,
        [
            "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
            "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ],
    ),
]
PUBLISHED = Tree(bytes.fromhex(leaf) for leaf in LEAVES)
LARGE = Tree(f"entry {i}".encode() for i in range(257))
LARGE_ROOTS = [LARGE.root(n) for n in range(258)]


def hashes(path: list[str]) -> list[bytes]:
    return [bytes.fromhex(one) for one in path]


def defined_root(leaves: list[bytes]) -> bytes:
    """Return MTH(D[n]) as RFC 6962, 2.1, defines it."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return node_hash(defined_root(leaves[:k]), defined_root(leaves[k:]))


def included(index: int, size: int, proof: list[bytes], leaf: bytes | None = None) -> bool:
    leaf = LARGE.read(0, index) if leaf is None else leaf
    return verify_inclusion(leaf=leaf, index=index, size=size, proof=proof, root=LARGE_ROOTS[size])


def consistent(old: int, new: int, proof: list[bytes], old_root: bytes | None = None) -> bool:
    old_root = LARGE_ROOTS[old] if old_root is None else old_root
    return verify_consistency(old=old, new=new, old_root=old_root, new_root=LARGE_ROOTS[new], proof=proof)


def flipped(proof: list[bytes], at: int, bit: int = 0) -> list[bytes]:
    changed = bytearray(proof[at])
    changed[bit // 8] ^= 1 << bit % 8
    return [*proof[:at], bytes(changed), *proof[at + 1 :]]


def test_the_published_roots_come_out() -> None:
    assert [PUBLISHED.root(n).hex() for n in range(1, 9)] == ROOTS


@pytest.mark.parametrize(("index", "size", "path"), INCLUSION)
def test_the_published_audit_paths_come_out_and_verify(index: int, size: int, path: list[str]) -> None:
    assert PUBLISHED.inclusion(index, size) == hashes(path)
    leaf, root = leaf_hash(bytes.fromhex(LEAVES[index])), bytes.fromhex(ROOTS[size - 1])
    assert verify_inclusion(leaf=leaf, index=index, size=size, proof=hashes(path), root=root)


@pytest.mark.parametrize(("old", "new", "path"), CONSISTENCY)
def test_the_published_consistency_proofs_come_out_and_verify(old: int, new: int, path: list[str]) -> None:
    assert PUBLISHED.consistency(old, new) == hashes(path)
    old_root, new_root = bytes.fromhex(ROOTS[old - 1]), bytes.fromhex(ROOTS[new - 1])
    assert verify_consistency(old=old, new=new, old_root=old_root, new_root=new_root, proof=hashes(path))


def test_roots_are_as_the_definition_says_up_to_257_leaves() -> None:
    leaves = [LARGE.read(0, i) for i in range(257)]
    assert [defined_root(leaves[:n]) for n in range(258)] == LARGE_ROOTS


def test_every_leaf_of_every_tree_up_to_257_is_proven_and_no_other() -> None:
    for size in range(1, 258):
        for index in range(size):
            proof = LARGE.inclusion(index, size)
            assert included(index, size, proof)
            other = LARGE.read(0, (index + 1) % 257)
            assert not included(index, size, proof, leaf=other)
            assert not included((index + 1) % size, size, proof) or size == 1
            assert not included(index, size, [*proof, proof[-1] if proof else other])
            if proof:
                assert not included(index, size, proof[:-1])
                assert not included(index, size, flipped(proof, index % len(proof), index % 256))


def test_every_tree_up_to_257_extends_every_smaller_one_and_no_other() -> None:
    for new in range(258):
        for old in range(new + 1):
            proof = LARGE.consistency(old, new)
            assert consistent(old, new, proof)
            assert not consistent(old, new, proof, old_root=LARGE_ROOTS[(old + 1) % 258])
            assert not consistent(old, new, [*proof, LARGE_ROOTS[old]])
            if proof:
                assert not consistent(old, new, proof[:-1])
                assert not consistent(old, new, flipped(proof, old % len(proof), old % 256))
            if 0 < old < new - 1:
                assert not consistent(old + 1, new, proof)


@pytest.mark.parametrize(
    ("index", "size", "leaf", "proof"),
    [
        (0, 0, LARGE.read(0, 0), []),
        (-1, 8, LARGE.read(0, 0), LARGE.inclusion(0, 8)),
        (8, 8, LARGE.read(0, 0), LARGE.inclusion(0, 8)),
        (0, 8, b"", LARGE.inclusion(0, 8)),
        (0, 8, LARGE.read(0, 0), [b"", *LARGE.inclusion(0, 8)]),
        (0, 2**64, LARGE.read(0, 0), LARGE.inclusion(0, 8)),
    ],
)
def test_numbers_and_lengths_out_of_range_are_no_proof(
    index: int, size: int, leaf: bytes, proof: list[bytes]
) -> None:
    root = LARGE_ROOTS[8]
    assert not verify_inclusion(leaf=leaf, index=index, size=size, proof=proof, root=root)


def test_a_smaller_tree_extends_no_larger_one() -> None:
    proof = LARGE.consistency(4, 8)
    assert not verify_consistency(old=8, new=4, old_root=LARGE_ROOTS[8], new_root=LARGE_ROOTS[4], proof=proof)


def test_two_empty_trees_agree_only_in_the_empty_root() -> None:
    assert consistent(0, 0, [])
    assert not verify_consistency(old=0, new=0, old_root=LARGE_ROOTS[1], new_root=LARGE_ROOTS[1], proof=[])
    assert not consistent(0, 5, [], old_root=LARGE_ROOTS[1])


@pytest.mark.parametrize("bad", [(5, 5), (-1, 5), (0, 0)])
def test_a_proof_of_what_is_not_there_cannot_be_asked_for(bad: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="there is no leaf"):
        LARGE.inclusion(*bad)


def test_the_accumulator_has_the_trees_root_at_every_size_and_survives_writing() -> None:
    accumulator = Accumulator()
    for size in range(257):
        assert (accumulator.size, accumulator.root()) == (size, LARGE_ROOTS[size])
        accumulator = Accumulator.from_bytes(accumulator.to_bytes())
        completed = accumulator.append(LARGE.read(0, size))
        expected = [LARGE.read(k, (size + 1 >> k) - 1) for k in range(1, 9) if (size + 1) % (1 << k) == 0]
        assert completed == expected


@pytest.mark.parametrize("state", [b"", b"\0" * 7, b"\0" * 9, b"\0" * 40, b"\xff" * 8 + b"\0" * 32 * 64])
def test_what_is_no_accumulators_state_is_refused(state: bytes) -> None:
    with pytest.raises(ValueError, match="no state of an accumulator"):
        Accumulator.from_bytes(state)


def test_the_empty_state_is_the_empty_tree() -> None:
    assert Accumulator.from_bytes(b"\0" * 8).root() == EMPTY_ROOT


@pytest.mark.parametrize("count", [0, 3])
def test_only_a_power_of_two_of_hashes_folds(count: int) -> None:
    with pytest.raises(ValueError, match="no power of two"):
        fold(b"\0" * 32 * count)


def check_one(size: int, draw: st.DataObject) -> None:
    """Prove a leaf and a smaller tree of a random one; then change one bit anywhere, and it must fail."""
    tree = Tree(f"{size} {i}".encode() for i in range(size))
    index, old = draw.draw(st.integers(0, size - 1)), draw.draw(st.integers(1, size))
    path, proof = tree.inclusion(index), tree.consistency(old)
    leaf, root = tree.read(0, index), tree.root()
    assert verify_inclusion(leaf=leaf, index=index, size=size, proof=path, root=root)
    assert verify_consistency(old=old, new=size, old_root=tree.root(old), new_root=root, proof=proof)
    at, bit = draw.draw(st.integers(0, len(path))), draw.draw(st.integers(0, 255))
    leaf, *path = flipped([leaf, *path], at, bit)
    assert not verify_inclusion(leaf=leaf, index=index, size=size, proof=path, root=root)
    at = draw.draw(st.integers(0, len(proof)))
    old_root, *proof = flipped([tree.root(old), *proof], at, bit)
    assert not verify_consistency(old=old, new=size, old_root=old_root, new_root=root, proof=proof)


@settings(max_examples=300, deadline=None)
@given(st.integers(1, 700), st.data())
def test_one_changed_bit_spoils_any_proof(size: int, draw: st.DataObject) -> None:
    check_one(size, draw)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(st.integers(1, 700), st.data())
def test_one_changed_bit_spoils_any_of_ten_thousand_proofs(size: int, draw: st.DataObject) -> None:
    check_one(size, draw)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(-2, 2**65),
    st.integers(-2, 2**65),
    st.binary(max_size=33),
    st.lists(st.one_of(st.binary(min_size=32, max_size=32), st.binary(max_size=33)), max_size=70),
)
def test_verification_answers_no_to_any_rubbish(a: int, b: int, one: bytes, proof: list[bytes]) -> None:
    root = LARGE_ROOTS[200]
    assert not verify_inclusion(leaf=one, index=a, size=b, proof=proof, root=root)
    assert not verify_consistency(old=a, new=b, old_root=one, new_root=root, proof=proof)
