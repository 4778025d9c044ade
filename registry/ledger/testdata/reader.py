"""Reads a bundle of log entries and prints the tree's and the map's roots.

A second reader of bonded-log/v1, rules p1, written from docs/formats/log.md and
not from the Go code. It searches the whole history for every answer, so that
it is slow and has no state to get wrong. Only the standard library is used.

    python3 reader.py BUNDLE            exits with 1 at the first entry or seal that is wrong
    python3 reader.py --parse BUNDLE    says of each entry whether it is one
"""
import base64
import datetime
import hashlib
import re
import struct
import sys

WORD = r"[!-~]+"
ECOSYSTEM = r"[a-z0-9-]+"
TYPES = {
    "genesis": "time origin", "site": "time url", "key": "time key", "name": "time pkg name",
    "owners": "time pkg doc count", "policy": "time pkg doc", "override": "time doc", "release": "time pkg ver file sha256 size meta sig?",
    "tag": "time pkg tag ver", "untag": "time pkg tag", "yank": "time pkg ver doc?",
    "unyank": "time pkg ver", "deprecate": "time pkg ver doc", "undeprecate": "time pkg ver",
    "status": "time pkg status doc?", "remove": "time pkg ver file", "seal": "leaves root bins rules",
}
VALUES = {
    "time": r"(19[7-9]\d|[2-9]\d{3})-\d\d-\d\dT\d\d:\d\d:\d\dZ", "pkg": ECOSYSTEM + "/" + WORD,
    "status": "active|archived|deprecated|quarantined", "sig": WORD + " (?P<b64>[A-Za-z0-9+/]+=*)",
    "key": f"{ECOSYSTEM} {WORD} (?P<b64>[A-Za-z0-9+/]+=*)", "url": r"https?://[!-~]*/", "origin": r"[!-*,-~]+",
}
VALUES |= dict.fromkeys(["name", "ver", "file", "tag", "rules"], WORD)
VALUES |= dict.fromkeys(["sha256", "meta", "doc", "root"], r"(?P<b64>[A-Za-z0-9+/]{43}=)")
VALUES |= dict.fromkeys(["size", "count", "leaves", "bins"], r"0|[1-9]\d{0,18}")


def sha256(b):
    return hashlib.sha256(b).digest()


def b64(b):
    return base64.b64encode(b).decode()


def parse(body):
    """An entry as a dict of its lines, or None for one that is ignored."""
    if len(body) > 4096 or not body.endswith(b"\n"):
        raise ValueError("not an entry")
    head, *lines = body.decode("latin-1")[:-1].split("\n")
    if not head.startswith("bonded-log/v1 "):
        raise ValueError("not an entry")
    kind = head.removeprefix("bonded-log/v1 ")
    if re.fullmatch("x-[a-z0-9-]+", kind):
        return None
    if kind not in TYPES:
        raise ValueError(f"unknown type {kind!r}")
    entry = {"type": kind}
    for key in TYPES[kind].split():
        optional = key.endswith("?")
        key = key.removesuffix("?")
        if lines and lines[0].startswith(key + " "):
            value = lines.pop(0)[len(key) + 1:]
            match = re.fullmatch(VALUES[key], value)
            if not match:
                raise ValueError(f"{key} {value!r}")
            coded = match.groupdict().get("b64")
            raw = base64.b64decode(coded, validate=True) if coded else b"x"
            if coded and b64(raw) != coded or not any(raw) and "b64" in match.re.groupindex and key not in ("sig", "key"):
                raise ValueError(f"{key} {value!r} is not canonical")
            if match.re.pattern == VALUES["size"] and int(value) >= 2 ** 63:
                raise ValueError(f"{key} {value!r}")
            if key == "time":
                datetime.datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ")
            entry[key] = value
        elif not optional:
            raise ValueError(f"no {key}")
    if lines:
        raise ValueError(f"{lines[0]!r} does not belong")
    return entry


def tree(leaves):
    """RFC 6962 section 2.1 over leaf hashes."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\1" + tree(leaves[:k]) + tree(leaves[k:]))


def leaf(b):
    return sha256(b"\0" + b)


class Package:
    def __init__(self, name, log):
        self.name = name
        self.log = [(i, e) for i, e in log if e.get("pkg") == name]
        self.files, used = [], set()
        for i, e in self.log:
            if e["type"] == "release" and e["file"] not in used:
                used.add(e["file"])
                self.files.append((i, e))
        self.versions = list(dict.fromkeys(e["ver"] for _, e in self.files))

    def newest(self, *kinds, since=0, **fields):
        found = [(i, e) for i, e in self.log
                 if e["type"] in kinds and i >= since and all(e.get(k) == v for k, v in fields.items())]
        return found[-1] if found else (None, {"type": ""})

    def ver_line(self, ver):
        born = next(i for i, e in self.files if e["ver"] == ver)
        line = "ver " + ver
        _, yank = self.newest("yank", "unyank", since=born, ver=ver)
        if yank["type"] == "yank":
            line += " yanked" + ("=" + yank["doc"] if "doc" in yank else "")
        _, dep = self.newest("deprecate", "undeprecate", since=born, ver=ver)
        if dep["type"] == "deprecate":
            line += " deprecated=" + dep["doc"]
        return line + "\n"

    def file_line(self, i, e):
        gone, _ = self.newest("remove", since=i, ver=e["ver"], file=e["file"])
        return f"file {i} {e['file']} {e['sha256']} {e['size']} {e['meta']}" + ("" if gone is None else " removed") + "\n"

    def state(self):
        s = f"bonded-state/v1\npkg {self.name}\nnewest {self.log[-1][0]}\n"
        claims = [(i, e) for i, e in self.log if e["type"] == "name"]
        if claims:
            s += f"claim {claims[0][0]} {claims[0][1]['name']}\n"
        i, e = self.newest("owners")
        if i is not None:
            s += f"owners {i} {e['count']} {e['doc']}\n"
        i, e = self.newest("policy")
        if i is not None:
            s += f"policy {i} {e['doc']}\n"
        i, e = self.newest("status")
        if i is not None:
            s += f"status {i} {e['status']}" + (" " + e["doc"] if "doc" in e else "") + "\n"
        for tag in sorted({e["tag"] for _, e in self.log if "tag" in e}):
            i, e = self.newest("tag", "untag", tag=tag)
            if e["type"] == "tag":
                s += f"tag {i} {tag} {e['ver']}\n"
        for n in range(0, len(self.versions), 64):
            text = ""
            for ver in self.versions[n:n + 64]:
                text += self.ver_line(ver) + "".join(self.file_line(i, e) for i, e in self.files if e["ver"] == ver)
            s += f"chunk {b64(sha256(text.encode()))}\n"
        return s

    def records(self):
        yield "P " + self.name, self.state()
        for i, e in self.files:
            yield f"R {self.name} {e['ver']} {e['file']}", self.ver_line(e["ver"]) + self.file_line(i, e)


def state_map(log):
    """The texts of all records, the map's k and its root."""
    texts = {}
    for name in dict.fromkeys(e["pkg"] for _, e in log if "pkg" in e):
        texts |= dict(Package(name, log).records())
    k = 0
    while 2 ** k < len(texts):
        k += 1
    bins = [[] for _ in range(2 ** k)]
    for name, text in texts.items():
        key = sha256(name.encode())[:16]
        bins[int.from_bytes(key, "big") >> (128 - k)].append(key + sha256(text.encode()))
    return texts, k, tree([leaf(b"".join(sorted(b))) for b in bins])


def entries(bundle):
    while bundle:
        (n,) = struct.unpack(">H", bundle[:2])
        yield bundle[2:2 + n]
        bundle = bundle[2 + n:]


def main(path):
    log, hashes, texts, k, root = [], [], {}, 0, b""
    for i, body in enumerate(entries(open(path, "rb").read())):
        entry = parse(body)
        hashes.append(leaf(body))
        if entry is None:
            continue
        if (i == 0) != (entry["type"] == "genesis"):
            raise ValueError(f"entry {i}: genesis")
        if entry["type"] == "seal":
            texts, k, root = state_map(log)
            if (entry["leaves"], entry["bins"], entry["root"], entry["rules"]) != (str(i), str(k), b64(root), "p1"):
                raise ValueError(f"entry {i}: the seal states another map")
        log.append((i, entry))
    print(f"size {len(hashes)}\nroot {b64(tree(hashes))}\nbins {k}\nmap {b64(root)}")
    for name, text in texts.items():
        print(name)
        print("".join("\t" + line for line in text.splitlines(True)), end="")


def verdicts(path):
    for body in entries(open(path, "rb").read()):
        try:
            print("ignored" if parse(body) is None else "entry")
        except ValueError as err:
            print("refused:", err)


if sys.argv[1] == "--parse":
    verdicts(sys.argv[2])
else:
    main(sys.argv[1])
