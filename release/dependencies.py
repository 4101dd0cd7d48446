"""What a build of qfleet for one target is made of: an SBOM (CycloneDX 1.5, JSON), and the licences' texts.

Both are taken from what cargo resolves with Cargo.lock: the crates that are linked in, not those of tests and build
scripts. Neither has a time or a random number in it, so that two builds are the same.
"""

import argparse
import json
import re
import subprocess
import uuid
from pathlib import Path

TEXTS = re.compile(r"(licen[cs]e|copying|notice|unlicense|copyright)", re.IGNORECASE)


def resolved(target: str) -> dict:
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)


def linked(metadata: dict) -> dict[str, list[str]]:
    """Each package that is linked in, by its id, and those that it needs. Macros and what only they need run at build time."""
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}

    def is_macro(package: str) -> bool:
        return any("proc-macro" in made["kind"] for made in packages[package]["targets"])

    found: dict[str, list[str]] = {}
    todo = [metadata["resolve"]["root"]]
    while todo:
        package = todo.pop()
        if package in found:
            continue
        needs = [
            needed["pkg"]
            for needed in nodes[package]["deps"]
            if any(kind["kind"] is None for kind in needed["dep_kinds"]) and not is_macro(needed["pkg"])
        ]
        found[package] = sorted(set(needs))
        todo += needs
    return found


def checksums() -> dict[tuple[str, str], str]:
    # Cargo writes it always in this form. tomllib is newer than the oldest Python that may run this.
    package = re.compile(r'name = "(.+)"\nversion = "(.+)"\nsource = ".+"\nchecksum = "(.+)"\n')
    return {(name, version): checksum for name, version, checksum in package.findall(Path("Cargo.lock").read_text())}


def expression(package: dict) -> str:
    # Older crates write MIT/Apache-2.0 for what SPDX writes with OR.
    return (package["license"] or "NOASSERTION").replace("/", " OR ")


def purl(package: dict) -> str:
    return f"pkg:cargo/{package['name']}@{package['version']}"


def sbom(metadata: dict, target: str) -> dict:
    packages = {package["id"]: package for package in metadata["packages"]}
    needs = linked(metadata)
    sums = checksums()
    root = packages[metadata["resolve"]["root"]]

    def component(package: dict, kind: str) -> dict:
        made = {
            "type": kind,
            "bom-ref": purl(package),
            "name": package["name"],
            "version": package["version"],
            "purl": purl(package),
            "licenses": [{"expression": expression(package)}],
        }
        if package["description"]:
            made["description"] = " ".join(package["description"].split())
        checksum = sums.get((package["name"], package["version"]))
        if checksum:
            made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        if package["repository"]:
            made["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
        return made

    others = sorted((packages[one] for one in needs if one != root["id"]), key=purl)
    graph = [
        {"ref": purl(packages[one]), "dependsOn": sorted(purl(packages[other]) for other in needs[one])}
        for one in sorted(needs, key=lambda one: purl(packages[one]))
    ]
    made = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": component(root, "application"),
            "properties": [{"name": "cargo:target", "value": target}],
        },
        "components": [component(one, "library") for one in others],
        "dependencies": graph,
    }
    # The same content has the same number.
    made["serialNumber"] = "urn:uuid:" + str(uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(made, sort_keys=True)))
    return made


def licences(metadata: dict) -> str:
    """Each text once, below the names of the crates that bring it."""
    packages = {package["id"]: package for package in metadata["packages"]}
    root = metadata["resolve"]["root"]
    texts: dict[str, list[str]] = {}
    without = []
    for one in linked(metadata):
        package = packages[one]
        if one == root:
            continue
        name = f"{package['name']} {package['version']} ({expression(package)})"
        folder = Path(package["manifest_path"]).parent
        files = sorted(path for path in folder.rglob("*") if path.is_file() and TEXTS.match(path.name))
        # Licences are text; sources that are named like them are not.
        files = [path for path in files if path.suffix.lower() in ("", ".md", ".txt", ".mit", ".apache", ".apache-2.0")]
        for path in files:
            text = "\n".join(line.rstrip() for line in path.read_text(errors="replace").strip().splitlines())
            texts.setdefault(text, []).append(name)
        if not files:
            without.append(name)
    parts = ["qfleet is made with the crates below, each under the licence beside its name.\n"]
    for text, names in sorted(texts.items(), key=lambda item: sorted(set(item[1]))):
        parts.append("=" * 100 + "\n" + "\n".join(sorted(set(names))) + "\n" + "-" * 100 + "\n" + text + "\n")
    if without:
        parts.append("=" * 100 + "\nThese name a licence and bring no text of it:\n" + "\n".join(sorted(without)) + "\n")
    return "\n".join(parts)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("target", help="as rustc names it: x86_64-unknown-linux-gnu")
    arguments.add_argument("--sbom", type=Path, required=True)
    arguments.add_argument("--licenses", type=Path, required=True)
    asked = arguments.parse_args()
    metadata = resolved(asked.target)
    asked.sbom.write_text(json.dumps(sbom(metadata, asked.target), indent=1) + "\n")
    asked.licenses.write_text(licences(metadata))


if __name__ == "__main__":
    main()
