"""One stack deployed by qfleet and by its peers: the same template, parameters and tags for each of them."""

import json
import pathlib
import subprocess

from measure import run

ACCOUNT = "111122223333"
STACK = "bench-work"
# The resource that a changed setting changes, and that the stack's operation takes its time for.
SLOW = "Group"

ENVIRONMENT = """\
name: bench
region: us-east-2
stages:
  - name: work
    queue: {{visibility_timeout: 2m}}
    workers:
      instances: {{program: program, types: [t3.micro], min: 1, max: {most}}}
    scaling: {{seconds_per_message: 1}}
"""


def write_program(folder):
    """The least that a stage's program can be."""
    (folder / "program").mkdir()
    (folder / "program" / "run").write_text("#!/bin/sh\nexec sleep 1\n")
    (folder / "program" / "run").chmod(0o755)


def render(qfleet, folder, env):
    """The stacks of `env.yaml` in the folder, as JSON."""
    command = [qfleet, "render", "env.yaml", "--account", ACCOUNT, "--output", "json"]
    return json.loads(subprocess.run(command, cwd=folder, env=env, capture_output=True, check=True).stdout)["stacks"]


class Tool:
    """A program with a folder and a world of its own, in which it deploys the stack."""

    name = "?"

    def __init__(self, executable, qfleet, folder, world):
        self.executable, self.qfleet, self.folder, self.world = executable, qfleet, pathlib.Path(folder), world
        write_program(self.folder)

    def want(self, most):
        """The stack is to have at most so many instances."""
        (self.folder / "env.yaml").write_text(ENVIRONMENT.format(most=most))
        stacks = render(self.qfleet, self.folder, self.world.env())
        (stack,) = (stack for stack in stacks if stack["name"] == STACK)
        parameters = {}
        for name, value in stack["parameters"].items():
            ((kind, value),) = value.items()
            if kind == "output":
                value = "bench-artifacts"
            elif kind == "zones":
                value = "us-east-2a,us-east-2b,us-east-2c"
            parameters[name] = str(value)
        self.write(stack["template"], parameters, stack["tags"])

    def write(self, template, parameters, tags):
        """What the tool reads, where it isn't the environment file."""

    def prepare(self):
        """What must be there before the stack."""

    def command(self):
        raise NotImplementedError

    def deploy(self):
        return run(self.command(), self.world.env(), self.folder)


class Qfleet(Tool):
    name = "qfleet deploy"

    def prepare(self):
        run([self.executable, "deploy", "env.yaml", "--yes", "--only", "artifacts"], self.world.env(), self.folder)

    def command(self):
        return [self.executable, "deploy", "env.yaml", "--yes", "--only", "work"]


class Aws(Tool):
    name = "aws cloudformation deploy"

    def write(self, template, parameters, tags):
        (self.folder / "stack.yaml").write_text(template)
        self.parameters = [f"{name}={value}" for name, value in parameters.items()]
        self.tags = [f"{key}={value}" for key, value in tags.items()]

    def command(self):
        deploy = [self.executable, "cloudformation", "deploy", "--stack-name", STACK, "--template-file", "stack.yaml"]
        return [
            *deploy,
            "--capabilities", "CAPABILITY_IAM",
            # Without it, version 1 of the tool fails when there is nothing to do.
            "--no-fail-on-empty-changeset",
            "--parameter-overrides", *self.parameters,
            "--tags", *self.tags,
        ]  # fmt: skip


class Sceptre(Tool):
    name = "sceptre launch"

    def write(self, template, parameters, tags):
        # Its files are YAML, of which JSON is a part.
        config = {
            "template": {"path": "stack.yaml", "type": "file"},
            "stack_name": STACK,
            "parameters": parameters,
            "stack_tags": tags,
        }
        project = {"project_code": "bench", "region": "us-east-2"}
        for path, text in (
            ("templates/stack.yaml", template),
            ("config/config.yaml", json.dumps(project)),
            ("config/work.yaml", json.dumps(config)),
        ):
            (self.folder / path).parent.mkdir(exist_ok=True)
            (self.folder / path).write_text(text)

    def command(self):
        return [self.executable, "launch", "--yes", "work.yaml"]
