"""What the README says of qfleet that a run can prove. CONTRIBUTING.md lists those that only an account can."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Claim:
    text: str
    on_aws_alone: bool = False
    """Nobody plays on the emulator what this needs."""


CLAIMS = {
    "plan-leaves-nothing": Claim("`plan` of what isn't deployed shows every stack, and leaves nothing behind."),
    "deployed": Claim("One `deploy` makes every stack, and each carries the tags from which it is found again."),
    "encrypted": Claim("The bucket is private and encrypted, queues are encrypted, and both refuse plain HTTP."),
    "unchanged": Claim("A second deploy finds every stack unchanged, although a variable isn't ASCII."),
    "files-arrive": Claim("Every file that is sent arrives, byte for byte, its name whatever it is."),
    "scales-out": Claim("The fleet grows when the backlog per instance is above its target."),
    "scales-in": Claim("It shrinks to its minimum when there is nothing to do."),
    "heals": Claim("A worker that is taken away is replaced, and no message of it is lost or becomes a dead letter."),
    "wakes": Claim("A fleet of none is started by its first message."),
    "worker-lines": Claim("`logs` shows what workers say of each file, and on which instance."),
    "counted": Claim("`files` counts what waits and what is done, and `--get` and `--link` give a file as it is."),
    "delivered": Claim("What is done is fetched through CloudFront, and what isn't done can't be."),
    "recorded": Claim("`results` shows what became of each file."),
    "sorted": Claim("With `only`, each file goes to the stage that wants it and to no other, and one that nobody wants stays."),
    "replied": Claim("`send --wait` shows the worker's reply to each job, and leaves those to others where they are."),
    "by-the-clock": Claim("A job of a schedule is in its stage's queue when its minute has come."),
    "drawn": Claim("What each arrow of `graph` stands for is deployed."),
    "theirs-stays": Claim("`destroy` takes its notifications out of a bucket that was there before, and nothing else."),
    "dead-letters": Claim("A message that no worker can process is shown by `dlq sample`, and `dlq purge` deletes it."),
    "drift-found": Claim("`drift --fail` finds what was changed by hand, and nothing before that."),
    "extended": Claim("`extend` moves the expiry, and `reap` leaves alone what hasn't expired."),
    "left-the-file": Claim("A stage that left the file is named by `plan`, and `deploy --prune` takes it down."),
    "kept": Claim("With `on_destroy: keep`, bucket and queues outlive a `destroy`, with what is in them."),
    "taken-in": Claim("The next deploy takes in what was kept, and its plan shows that."),
    "nothing-left": Claim("`destroy` leaves nothing, and its receipt says so."),
    "workers-signal": Claim("A first deploy ends when the workers run, not when their machines do.", on_aws_alone=True),
    "logs": Claim("What a worker says is in its stage's log group.", on_aws_alone=True),
    "alarms": Claim("The policy's alarms exist, and get the backlog per instance.", on_aws_alone=True),
    "alerted": Claim("The topic of `alerts` is told of a dead letter.", on_aws_alone=True),
    "zones": Claim("A fleet of two or more is in two zones or more.", on_aws_alone=True),
    "drains": Claim("A worker that is drained ends by SIGTERM and gives nothing back half done.", on_aws_alone=True),
    "rolls": Claim("A deploy under load never has fewer instances in service than ran.", on_aws_alone=True),
    "prefix": Claim("Uploads under a prefix with `=` in it publish events.", on_aws_alone=True),
    "drift-reverted": Claim("`drift --revert` puts back what was changed by hand.", on_aws_alone=True),
}
