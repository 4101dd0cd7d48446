"""Answers of AWS, kept as fixtures that the scripted endpoint is held against: tests/fixtures/aws/README.md tells the
form. What would tell whose account it was is replaced by marks before anything is written."""

import datetime
import json
import re
from pathlib import Path
from typing import Any

# What differs from run to run. The same text is the same mark within a fixture.
VARYING = [
    ("uuid", re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")),
    # Ids of EC2: 8 or 17 hexadecimal digits behind the kind.
    ("id", re.compile(r"\b(?:i|ami|lt|sg|subnet|vpc|vol|eni|igw|rtb|eipalloc)-(?:[0-9a-f]{17}|[0-9a-f]{8})\b")),
    # What CloudFormation adds to the names that it makes: 12 or 13 letters and digits, with a digit among them.
    ("suffix", re.compile(r"(?<=-)(?=[A-Za-z]*[0-9])[A-Za-z0-9]{12,13}\b")),
    ("address", re.compile(r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b")),
    ("date", re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")),
]
# A change token and the like tell nothing; tokens and signatures must never be written.
LEFT_OUT = {"ResponseMetadata", "ReceiptHandle", "NextToken", "ClientToken", "ClientRequestToken"}


class Recording:
    """The calls of one act, in their order. `secret` are the texts that stand for whose it is, with their marks."""

    def __init__(self, secret: dict[str, str]) -> None:
        # The longest first: a name may hold another.
        self.secret = sorted(secret.items(), key=lambda pair: -len(pair[0]))
        self.steps: list[dict[str, Any]] = []
        self._marks: dict[str, str] = {}

    def listen(self, client: Any) -> None:
        """Notes what this boto3 client asks from now on, and what it is answered."""
        asked: dict[str, Any] = {}

        def ask(params: dict[str, Any], model: Any, **_: Any) -> None:
            asked[model.name] = dict(params)

        def answer(parsed: dict[str, Any], model: Any, **_: Any) -> None:
            self.note(client.meta.service_model.service_name, model.name, asked.pop(model.name, {}), parsed)

        client.meta.events.register("provide-client-params", ask)
        client.meta.events.register("after-call", answer)

    def write(self, file: Path, origin: str) -> None:
        """Writes what was noted, if anything was, and forgets it."""
        if not self.steps:
            return
        source = {"origin": origin, "license": "MIT OR Apache-2.0", "recorded": datetime.date.today().isoformat()}
        file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"source": source, "steps": self.steps}, indent=1, ensure_ascii=True)
        file.write_text(text + "\n")
        self.steps, self._marks = [], {}

    def note(self, service: str, action: str, request: dict[str, Any], answer: dict[str, Any]) -> None:
        step = {"service": service, "action": action, "request": self.anonymous(request)}
        if "Error" in answer:
            step["error"] = self.anonymous({name: answer["Error"].get(name) for name in ("Code", "Message")})
        else:
            step["answer"] = self.anonymous(answer)
        # What was asked again and again until it was so: the last answer counts, and what it came to.
        before = self.steps[-1] if self.steps else {}
        if all(before.get(key) == step[key] for key in ("service", "action", "request")):
            came_to = before.get("until", {}) | changed_statuses(before.get("answer"), step.get("answer"))
            if came_to:
                step["until"] = came_to
            self.steps[-1] = step
        else:
            self.steps.append(step)

    def anonymous(self, value: Any) -> Any:
        """A copy without whose it is, or when it was."""
        match value:
            case dict():
                return {self._text(str(key)): self.anonymous(one) for key, one in value.items() if key not in LEFT_OUT}
            case list() | tuple():
                return [self.anonymous(one) for one in value]
            case str():
                return self._text(value)
            case datetime.datetime():
                return "<time>"
            case bool() | int() | float() | None:
                return value
            case _:
                return f"<{type(value).__name__}>"  # the body of an object, say

    def _text(self, text: str) -> str:
        for secret, mark in self.secret:
            text = text.replace(secret, mark)
        for kind, pattern in VARYING:
            if kind == "date":
                text = pattern.sub("<date>", text)
            else:
                text = pattern.sub(lambda found, kind=kind: self._mark(kind, found[0]), text)
        return text

    def _mark(self, kind: str, text: str) -> str:
        if text not in self._marks:
            number = 1 + sum(mark.startswith(f"<{kind}:") for mark in self._marks.values())
            self._marks[text] = f"<{kind}:{number}>"
        return self._marks[text]


def changed_statuses(before: Any, after: Any, pointer: str = "") -> dict[str, str]:
    """JSON pointer → value, of each status that isn't what it was."""
    if isinstance(before, dict) and isinstance(after, dict):
        pairs = [(key, before.get(key), value) for key, value in after.items()]
    elif isinstance(before, list) and isinstance(after, list):
        pairs = [(str(number), old, new) for number, (old, new) in enumerate(zip(before, after))]
    else:
        is_status = isinstance(after, str) and pointer.endswith(("Status", "State")) and before != after
        return {pointer: after} if is_status else {}
    return {found: value for key, old, new in pairs for found, value in changed_statuses(old, new, f"{pointer}/{key}").items()}
