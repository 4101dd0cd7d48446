//! What imports what in `src`: as the map in `src/lib.rs` says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use regex::Regex;

const SRC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

/// A file of `src`, as the module that it is: `["cloud", "s3", "objects"]`.
struct File {
    path: String,
    module: Vec<String>,
    text: String,
}

fn files() -> Vec<File> {
    fn collect(folder: &Path, found: &mut Vec<File>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let path = path.strip_prefix(SRC).unwrap().to_str().unwrap().to_owned();
                let name = path.trim_end_matches(".rs").trim_end_matches("/mod");
                let module = name.split('/').map(str::to_owned).collect();
                found.push(File { path, module, text });
            }
        }
    }
    let mut found = Vec::new();
    collect(Path::new(SRC), &mut found);
    found.retain(|file| !["lib.rs", "main.rs"].contains(&file.path.as_str()));
    assert!(found.len() > 300, "{}", found.len());
    found
}

impl File {
    fn room(&self) -> &str {
        &self.module[0]
    }

    /// Every path in it that begins with `crate` or `super`, in `use` lines, in code and in comments, from the crate's root
    /// on. Of a list, each item counts.
    fn paths(&self) -> Vec<Vec<String>> {
        let is_path = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let mut found = Vec::new();
        let mut rest = self.text.as_str();
        while let Some(at) = rest.find("::") {
            let begins = at - rest[..at].rsplit(|c| !is_path(c)).next().unwrap().len();
            let ends = rest[at..].find(|c| !is_path(c)).map_or(rest.len(), |end| at + end);
            let (path, after) = (&rest[begins..ends], &rest[ends..]);
            rest = after;
            let words: Vec<&str> = path.trim_end_matches(':').split("::").collect();
            let supers = words.iter().take_while(|word| **word == "super").count();
            let above = match words[0] {
                "crate" => self.module.len(),
                "super" => supers,
                _ => continue,
            };
            let base = self.module.iter().take(self.module.len().saturating_sub(above));
            let named = words.iter().skip(supers.max(1)).map(|&word| word.to_owned());
            let base: Vec<String> = base.cloned().chain(named).collect();
            match after.strip_prefix('{') {
                Some(list) if path.ends_with("::") => {
                    let of = |item: String| base.iter().cloned().chain([item]).collect();
                    found.extend(items(list).into_iter().map(of));
                }
                _ => found.push(base),
            }
        }
        found
    }
}

/// The first word of each item of the list that begins here, up to its closing brace.
fn items(text: &str) -> Vec<String> {
    let mut depth = 1;
    let mut items = vec![String::new()];
    for c in text.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => items.push(String::new()),
            c if depth == 1 => items.last_mut().unwrap().push(c),
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    let first = |item: &String| item.trim().split("::").next().unwrap_or_default().to_owned();
    items.iter().map(first).filter(|first| !first.is_empty()).collect()
}

/// The rows of the map: each room, and the rooms that it says it knows, from the top down.
fn map() -> Vec<(String, BTreeSet<String>)> {
    let lib = fs::read_to_string(Path::new(SRC).join("lib.rs")).unwrap();
    let row = Regex::new(r"(?m)^//! \| \[`(\w+)`\] \| .+ \| (.*) \|$").unwrap();
    let words = |text: &str| {
        text.split(", ")
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    row.captures_iter(&lib)
        .map(|row| (row[1].to_owned(), words(&row[2])))
        .collect()
}

/// Each room, the rooms that it knows, and by which files.
fn arrows() -> BTreeMap<String, BTreeMap<String, BTreeSet<String>>> {
    let files = files();
    let rooms: BTreeSet<&str> = files.iter().map(File::room).collect();
    let mut arrows: BTreeMap<String, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for file in &files {
        let known = arrows.entry(file.room().to_owned()).or_default();
        for path in file.paths() {
            let Some(room) = path
                .first()
                .filter(|first| *first != file.room() && rooms.contains(first.as_str()))
            else {
                continue;
            };
            known.entry(room.clone()).or_default().insert(file.path.clone());
        }
    }
    arrows
}

#[test]
fn every_arrow_goes_down_the_map() {
    let map = map();
    let place = |room: &str| map.iter().position(|(name, _)| name == room);
    let mut up = Vec::new();
    for (from, known) in arrows() {
        for (to, files) in known {
            if place(&from) >= place(&to) {
                up.push(format!("{from} → {to}: {files:?}"));
            }
        }
    }
    assert!(
        up.is_empty(),
        "from a lower room of src/lib.rs's map to a higher one:\n{}",
        up.join("\n")
    );
}

#[test]
fn the_map_shows_every_room_and_every_arrow() {
    let map = map();
    let arrows = arrows();
    let shown: BTreeSet<&String> = map.iter().map(|(room, _)| room).collect();
    assert_eq!(
        shown,
        arrows.keys().collect(),
        "the rooms of src/lib.rs's map, and those of src"
    );
    let mut stale = Vec::new();
    for (room, known) in &map {
        let in_code: Vec<&str> = map
            .iter()
            .map(|(to, _)| to.as_str())
            .filter(|to| arrows[room].contains_key(*to))
            .collect();
        if *known != in_code.iter().map(|&to| to.to_owned()).collect() {
            stale.push(format!("{room} knows: {}", in_code.join(", ")));
        }
    }
    assert!(
        stale.is_empty(),
        "rows of src/lib.rs's map that the code has otherwise:\n{}",
        stale.join("\n")
    );
}

/// In a circle, nothing can be understood, or tested, without the rest of it. What a module's own modules import, it
/// imports; a module and its own modules are one.
#[test]
fn no_two_modules_of_a_folder_are_in_a_circle() {
    let files = files();
    let folders: BTreeSet<&[String]> = files.iter().map(|file| &file.module[..file.module.len() - 1]).collect();
    let modules: BTreeSet<&[String]> = files.iter().map(|file| file.module.as_slice()).collect();
    let mut circles = Vec::new();
    for folder in folders.into_iter().filter(|folder| !folder.is_empty()) {
        let depth = folder.len();
        let within = |path: &[String]| path.len() > depth && path.starts_with(folder);
        let mut imports: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for file in files
            .iter()
            .filter(|file| within(&file.module) && !file.module.contains(&"tests".to_owned()))
        {
            // In a module within the file, `super` is the file itself.
            let text = file.text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
            let (path, module) = (file.path.clone(), file.module.clone());
            let siblings = File { path, module, text }.paths().into_iter();
            let siblings = siblings.filter(|path| within(path) && modules.contains(&path[..=depth]));
            let name = &file.module[depth];
            let others = siblings.map(|path| path[depth].clone()).filter(|other| other != name);
            imports.entry(name).or_default().extend(others);
        }
        for module in imports.keys() {
            let mut reached: BTreeSet<&str> = BTreeSet::new();
            let mut next = vec![*module];
            while let Some(module) = next.pop() {
                let imported = imports.get(module).into_iter().flatten();
                next.extend(imported.map(String::as_str).filter(|module| reached.insert(module)));
            }
            if reached.contains(module) {
                circles.push(format!("{}: {module}, by some of {reached:?}", folder.join("::")));
            }
        }
    }
    assert!(circles.is_empty(), "in a circle:\n{}", circles.join("\n"));
}

#[test]
fn only_cloud_imports_the_sdk_and_only_report_prints_and_only_commands_read_arguments() {
    let sdk = ["aws_sdk_", "aws_config::", "aws_smithy_", "aws_credential_types::"];
    let print = [
        "println!",
        "print!(",
        "dbg!",
        "anstream::",
        "stdout().lock()",
        "stderr().lock()",
    ];
    for (room, words) in [("cloud", &sdk[..]), ("report", &print[..]), ("commands", &["clap::"])] {
        let (inside, outside): (Vec<File>, Vec<File>) = files().into_iter().partition(|file| file.room() == room);
        let has = |file: &&File| words.iter().any(|word| file.text.contains(word));
        assert!(inside.iter().any(|file| has(&file)), "{words:?}");
        let outside: Vec<&str> = outside.iter().filter(has).map(|file| file.path.as_str()).collect();
        assert!(
            outside.is_empty(),
            "{words:?} are for {room} alone, not for {outside:?}"
        );
    }
}
