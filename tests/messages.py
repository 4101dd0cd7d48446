#!/usr/bin/env python3
"""Which messages the program can end with or show of a file, and which test makes each appear.

    QFLEET_MESSAGES=$PWD/target/messages cargo test     every message that appears is noted there
    tests/messages.py check [FILE]                      compares the sources with tests/messages.md, and with what was noted
    tests/messages.py write FILE                        writes tests/messages.md anew; reasons are kept

A message is known by its file and its text, so that the list stays as it is when lines move.
"""

import re
import sys
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = ROOT / "tests/messages.md"
MADE = re.compile(r"(?<![\w:])(?:\w+::)*?(?:Error::(?:usage|failed|refused)|Problem::new)\(")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"', re.S)
HEAD = """# Messages

Every message that a command can end with, and every problem and advice that it can show of an environment file, with a test
that makes it appear. `tests/messages.py` compares this list with the sources, and after the tests with what they made
appear; `tests/messages.py write target/messages` writes it anew. `…` stands for what differs. What clap says of the command
line is not in it, nor what AWS says, which stands behind such a message; the causes of a failed call are in
`src/cloud/connection`.

"""


def arguments(text, begins):
    """The arguments of the call whose parenthesis opens just before `begins`."""
    found, depth, at, last = [], 0, begins, begins
    while at < len(text):
        if text[at] == '"':
            at = LITERAL.match(text, at).end()
            continue
        if text[at] == "'" and (char := re.compile(r"'(?:[^'\\]|\\.)'").match(text, at)):
            at = char.end()
            continue
        if text[at] in "([{":
            depth += 1
        elif text[at] in ")]}":
            if depth == 0:
                return [*found, text[last:at]]
            depth -= 1
        elif text[at] == "," and depth == 0:
            found.append(text[last:at])
            last = at + 1
        at += 1
    return found


def plain(literal):
    text = re.sub(r"\\\n\s*", "", literal)
    text = text.replace('\\"', '"').replace("\\n", " ").replace("\\\\", "\\").replace("{{", "\0").replace("}}", "\1")
    said = re.sub(r"\{[^{}]*\}", "…", text)
    # Where nothing else is said, what is put together says most.
    text = said if re.search(r"\w", said) else f"`{text}`"
    return re.sub(r"\s+", " ", text.replace("\0", "{").replace("\1", "}")).replace("|", "\\|").strip()


def message(text, at, argument):
    """What the argument says; of a variable, what it was set to last before."""
    if literal := LITERAL.search(argument):
        return plain(literal[1])
    word = re.sub(r"\.into\(\)|&|\s", "", argument)
    name = re.match(r"\w+", word)
    before = text[max(text.rfind("\nfn ", 0, at), text.rfind("fn ", 0, at) - 4000, 0) : at]
    sets = list(re.finditer(r"let (?:mut )?%s(?:: \w+)? =|\b%s\b =" % ((re.escape(name[0]),) * 2), before)) if name else []
    if sets and (literal := LITERAL.search(before, sets[-1].end())):
        return plain(literal[1])
    return f"`{word}`"


def sites():
    """Where a message is made: by (file, line, column), the (file, message) that it is known by."""
    found = {}
    for path in sorted((ROOT / "src").rglob("*.rs")):
        text = path.read_text()
        name = str(path.relative_to(ROOT))
        if "/tests/" in name or name.endswith(("/tests.rs", "/arbitrary.rs")) or "/arbitrary/" in name:
            continue
        tests = re.search(r"^#\[cfg\(test\)\]\nmod \w+ \{", text, re.M)
        text = text[: tests.start()] if tests else text
        counts = Counter()
        for made in MADE.finditer(text):
            line_begins = text.rfind("\n", 0, made.start()) + 1
            if "//" in text[line_begins : made.start()]:
                continue
            given = arguments(text, made.end())
            said = message(text, made.start(), given[1 if "Problem" in made[0] else 0])
            counts[said] += 1
            key = said if counts[said] == 1 else f"{said} ({counts[said]})"
            place = (name, text.count("\n", 0, made.start()) + 1, made.start() - line_begins + 1)
            found[place] = (name, key)
    return found


def noted(file, places):
    """The tests that made each message appear."""
    tests = defaultdict(set)
    for line in Path(file).read_text().splitlines():
        place, _, test = line.partition("\t")
        name, line_number, column = place.rsplit(":", 2)
        if (known := places.get((name, int(line_number), int(column)))) and "::" in test:
            tests[known].add(test)
    return tests


def read():
    listed = {}
    name = None
    for line in LIST.read_text().splitlines() if LIST.exists() else []:
        if line.startswith("## "):
            name = line[3:]
        elif row := re.match(r"\| (.*?) \| (.*) \|$", line):
            if name and row[1] not in ("message", "---"):
                listed[(name, row[1])] = row[2]
    return listed


def write(file):
    places = sites()
    tests, listed = noted(file, places), read()
    out, last = [HEAD.rstrip()], None
    for known in places.values():
        name, said = known
        if name != last:
            out += ["", f"## {name}", "", "| message | test |", "| --- | --- |"]
            last = name
        old = listed.get(known, "no test: not looked at yet")
        seen = tests.get(known, set())
        if old.startswith("no test") or (seen and old not in seen):
            # The shortest name is mostly that of the test that is about it.
            old = min(seen, key=lambda test: (len(test), test)) if seen else old
        out.append(f"| {said} | {old} |")
    LIST.write_text("\n".join(out) + "\n")
    count = Counter(known in tests for known in places.values())
    print(f"{len(places)} messages, {count[True]} noted")


def check(file):
    places = sites()
    known, listed = set(places.values()), read()
    wrong = [f"{name}: not in the list, with a test or a reason: {said}" for name, said in sorted(known - listed.keys())]
    wrong += [f"{name}: in the list, and in the sources no more: {said}" for name, said in sorted(listed.keys() - known)]
    wrong += [
        f"{name}: without a test, and without a reason: {said}"
        for (name, said), test in sorted(listed.items())
        if test in ("", "no test:", "no test: not looked at yet")
    ]
    if file:
        tests = noted(file, places)
        for (name, said), test in sorted(listed.items()):
            seen = tests.get((name, said))
            if test.startswith("no test"):
                if seen:
                    print(f"{name}: has a test now, {min(seen)}: {said}")
            elif not seen:
                wrong.append(f"{name}: no test makes it appear, and the list says {test}: {said}")
            elif test not in seen:
                # What a test with chance in it meets may differ.
                print(f"{name}: this time it was not {test}, but {min(seen)}: {said}")
    for line in wrong:
        print(line)
    without = sum(test.startswith("no test") for test in listed.values())
    print(f"{len(known)} messages, {without} without a test")
    if wrong:
        print(f"{len(wrong)} wrong; `tests/messages.py write FILE` writes tests/messages.md anew, after a run of the tests with QFLEET_MESSAGES=FILE")
        sys.exit(1)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", file]:
            write(file)
        case ["check", *file]:
            check(file[0] if file else None)
        case _:
            sys.exit(__doc__)
