#!/usr/bin/env python3
"""Checks a proof or an export of pregonero's audit log, without pregonero.

    check_audit.py proof FILE.tlog-proof --key KEY     what the log says of one act
    check_audit.py export FILE.jsonl --key KEY         every record, every root, every signature
    check_audit.py consistency FILE --from KEPT --key KEY   that the log only grew since the checkpoint in KEPT

KEY is the verifier key that `pregonero audit key` printed and somebody noted elsewhere; it may be given several times. Needs
Python 3.9 and nothing else. The formats are in docs/audit.md.
"""

import argparse
import base64
import hashlib
import json
import sys


class Wrong(Exception):
    """What does not hold."""


# Ed25519 (RFC 8032, section 5.1), to verify only.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def add(one, other):
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(scalar, point):
    result = (0, 1, 1, 0)
    while scalar > 0:
        if scalar & 1:
            result = add(result, point)
        point = add(point, point)
        scalar >>= 1
    return result


def x_of(y, sign):
    if y >= P:
        raise Wrong("a key or a signature is no point of the curve")
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P != 0 or (x == 0 and sign):
        raise Wrong("a key or a signature is no point of the curve")
    return P - x if x & 1 != sign else x


def point_of(data):
    number = int.from_bytes(data, "little")
    y = number & ((1 << 255) - 1)
    x = x_of(y, number >> 255)
    return x, y, 1, x * y % P


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = x_of(BASE_Y, 0)
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def is_signed(key, text, signature):
    if len(key) != 32 or len(signature) != 64:
        return False
    scalar = int.from_bytes(signature[32:], "little")
    if scalar >= ORDER:
        return False
    try:
        public, commitment = point_of(key), point_of(signature[:32])
    except Wrong:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % ORDER
    left, right = multiply(scalar, BASE), add(commitment, multiply(challenge, public))
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 and (left[1] * right[2] - right[1] * left[2]) % P == 0


# Signed notes and checkpoints.


def read_key(text):
    name, identity, data = text.strip().split("+", 2)
    data = base64.b64decode(data, validate=True)
    if hashlib.sha256(name.encode() + b"\n" + data).hexdigest()[:8] != identity or data[0] != 1:
        raise Wrong(f"{text}: not an Ed25519 verifier key, or its id does not fit")
    return name, bytes.fromhex(identity), data[1:]


def open_checkpoint(note, keys):
    """Returns origin, size and root of a checkpoint that one of the keys signed."""
    text, _, lines = note.rpartition("\n\n")
    text += "\n"
    for line in lines.splitlines():
        dash, name, data = line.split(" ")
        data = base64.b64decode(data, validate=True)
        for key_name, identity, key in keys:
            if dash == "\u2014" and name == key_name and data[:4] == identity and is_signed(key, text.encode(), data[4:]):
                origin, size, root = text.split("\n")[:3]
                if origin != key_name:
                    raise Wrong(f"a key of {key_name} signed a checkpoint of {origin}")
                return origin, int(size), base64.b64decode(root, validate=True)
    raise Wrong("a checkpoint is signed by none of the keys")


# The tree of RFC 6962.


def leaf_hash(entry):
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """The right edge of a growing tree."""

    def __init__(self):
        self.size, self.edge = 0, []

    def push(self, leaf):
        self.size, height = self.size + 1, 0
        while self.edge and self.edge[-1][0] == height:
            leaf = node_hash(self.edge.pop()[1], leaf)
            height += 1
        self.edge.append((height, leaf))

    def root(self):
        if not self.edge:
            return hashlib.sha256(b"").digest()
        root = self.edge[-1][1]
        for _, left in reversed(self.edge[:-1]):
            root = node_hash(left, root)
        return root


def root_of_inclusion(leaf, index, size, proof):
    """Returns the root that an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    if index >= size:
        raise Wrong("the checkpoint does not cover the record")
    last, root = size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise Wrong("the proof is too long")
        if index & 1 or index == last:
            root = node_hash(sibling, root)
            while index & 1 == 0 and index != 0:
                index, last = index >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        index, last = index >> 1, last >> 1
    if last != 0:
        raise Wrong("the proof is too short")
    return root


def are_consistent(first, first_root, second, second_root, proof):
    """Returns whether the second tree continues the first one (RFC 9162, 2.1.4.2)."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and first_root == second_root
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    if first & (first - 1) == 0:
        proof = [first_root] + proof
    if not proof:
        return False
    old = new = proof[0]
    for sibling in proof[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while node & 1 == 0 and node != 0:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        node, last = node >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def check_consistency(text, kept, keys):
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    if not lines[0].startswith("old "):
        raise Wrong("the first line is not `old` and a size")
    old, proof = int(lines.pop(0)[4:]), [base64.b64decode(line, validate=True) for line in lines]
    origin, size, root = open_checkpoint(note, keys)
    first_origin, first, first_root = open_checkpoint(kept, keys)
    if first_origin != origin:
        raise Wrong(f"the kept checkpoint is of {first_origin}, the other one of {origin}")
    if first != old:
        raise Wrong(f"the proof begins at {old} records, the kept checkpoint covers {first}")
    if not are_consistent(first, first_root, size, root, proof):
        raise Wrong("the log does not continue the one of the kept checkpoint: a record was changed, inserted or removed")
    print(f"{origin}: the log of {size} records continues the one of {first} records")


def check_record(index, entry, salt, body):
    """Checks a leaf's text and that the body has the digest in it; returns the body, or None if it was forgotten."""
    lines = entry.split("\n")
    if len(lines) != 6 or lines[0] != "pregonero-audit/v1" or lines[5] != "":
        raise Wrong(f"record {index}: its leaf is not in the form of a leaf")
    if lines[1] != str(index):
        raise Wrong(f"record {index} holds what was written as record {lines[1]}")
    if body is None:
        return None
    digest = hashlib.sha256(base64.b64decode(salt, validate=True) + body.encode()).digest()
    if base64.b64encode(digest).decode() != lines[4]:
        raise Wrong(f"record {index}: its body does not have the digest in its leaf")
    return json.loads(body)


def check_proof(text, keys):
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    if lines.pop(0) != "c2sp.org/tlog-proof@v1":
        raise Wrong("the first line is not c2sp.org/tlog-proof@v1")
    if not lines[0].startswith("extra "):
        raise Wrong("the proof has no extra line with the record")
    record = json.loads(base64.b64decode(lines.pop(0)[6:], validate=True))
    index = int(lines.pop(0).removeprefix("index "))
    origin, size, root = open_checkpoint(note, keys)
    proof = [base64.b64decode(line, validate=True) for line in lines]
    if root_of_inclusion(leaf_hash(record["entry"].encode()), index, size, proof) != root:
        raise Wrong("the proof does not lead from the record to the root of the checkpoint")
    body = check_record(index, record["entry"], record["salt"], record["body"])
    kind, at = record["entry"].split("\n")[2:4]
    print(f"record {index} of {origin} ({size} records) is proved: {kind} at {at}")
    print(json.dumps(body, ensure_ascii=False, indent=2) if body else "its content was forgotten")


def check_export(lines, keys):
    tree, signed, forgotten, named = Tree(), 0, set(), set()
    for number, line in enumerate(lines, 1):
        record = json.loads(line)
        if "checkpoint" in record:
            origin, size, root = open_checkpoint(record["checkpoint"], keys)
            if size != tree.size or root != tree.root():
                raise Wrong(f"line {number}: the checkpoint of {origin} over {size} records has another root")
            signed = size
            continue
        index = tree.size
        if record["index"] != index:
            raise Wrong(f"line {number}: expected record {index}, found record {record['index']}")
        body = check_record(index, record["entry"], record["salt"], record["body"])
        if body is None:
            forgotten.add(index)
        else:
            kind, at = record["entry"].split("\n")[2:4]
            if (record["kind"], record["at"], record["by"], record["subject"]) != (kind, at, body["by"], body["subject"]):
                raise Wrong(f"record {index}: kind, time, author or number are not those of its leaf and body")
            if kind in ("pruned", "erased"):
                named |= set(body["about"].get("records", []))
        tree.push(leaf_hash(record["entry"].encode()))
    if forgotten - named:
        raise Wrong(f"the body of record {min(forgotten - named)} was removed, and no later record says why")
    print(f"{tree.size} records, root {base64.b64encode(tree.root()).decode()}")
    print(f"{signed} of them are covered by a signed checkpoint, {len(forgotten)} were forgotten on purpose")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["proof", "export", "consistency"])
    parser.add_argument("file")
    parser.add_argument("--key", action="append", required=True)
    parser.add_argument("--from", dest="kept", metavar="KEPT", help="the checkpoint that was kept, for `consistency`")
    arguments = parser.parse_args()
    if (arguments.what == "consistency") != (arguments.kept is not None):
        parser.error("`consistency` needs --from KEPT, and nothing else takes it")
    try:
        keys = [read_key(key) for key in arguments.key]
        with open(arguments.file, encoding="utf-8", newline="") as file:
            if arguments.what == "consistency":
                with open(arguments.kept, encoding="utf-8", newline="") as kept:
                    check_consistency(file.read(), kept.read(), keys)
            elif arguments.what == "proof":
                check_proof(file.read(), keys)
            else:
                check_export(file, keys)
    except (Wrong, ValueError, KeyError, IndexError) as cause:
        sys.exit(f"{arguments.file}: WRONG: {cause}")


if __name__ == "__main__":
    main()
