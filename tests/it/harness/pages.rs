//! The README and `docs/`, as tests read them.

use std::path::{Path, PathBuf};

/// A page of the documentation.
pub struct Page {
    /// In the repository, as in `docs/json.md`.
    pub path: String,
    pub text: String,
}

/// A fenced block.
pub struct Block {
    /// What stands after the fence: `console`, `console not-run: it needs an account`, `yaml`.
    pub info: String,
    pub lines: Vec<String>,
    /// The number of its first line in the page.
    pub at: usize,
}

/// What somebody types, and what is shown below it.
pub struct Step {
    pub command: String,
    pub shown: Vec<String>,
}

impl Page {
    pub fn all() -> Vec<Page> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut docs: Vec<PathBuf> = std::fs::read_dir(root.join("docs"))
            .expect("docs")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
            .collect();
        docs.sort();
        let named = ["README.md", "CONTRIBUTING.md", "examples/mover/README.md"].map(|name| root.join(name));
        let page = |path: PathBuf| Page {
            text: std::fs::read_to_string(&path).expect("a page"),
            path: path
                .strip_prefix(root)
                .expect("in the repository")
                .display()
                .to_string(),
        };
        named.into_iter().chain(docs).map(page).collect()
    }

    pub fn named(path: &str) -> Page {
        Page::all()
            .into_iter()
            .find(|page| page.path == path)
            .unwrap_or_else(|| panic!("no page {path}"))
    }

    pub fn blocks(&self) -> Vec<Block> {
        self.split().0
    }

    /// Its lines outside of blocks, with their numbers.
    pub fn prose(&self) -> Vec<(usize, String)> {
        self.split().1
    }

    fn split(&self) -> (Vec<Block>, Vec<(usize, String)>) {
        let (mut blocks, mut prose) = (Vec::new(), Vec::new());
        let mut open: Option<Block> = None;
        for (number, line) in (1..).zip(self.text.lines()) {
            open = match (open, line.strip_prefix("```")) {
                (None, Some(info)) => Some(Block {
                    info: info.to_owned(),
                    lines: Vec::new(),
                    at: number + 1,
                }),
                (None, None) => {
                    prose.push((number, line.to_owned()));
                    None
                }
                (Some(block), Some(_)) => {
                    blocks.push(block);
                    None
                }
                (Some(mut block), None) => {
                    block.lines.push(line.to_owned());
                    Some(block)
                }
            };
        }
        assert!(open.is_none(), "{}: a block has no end", self.path);
        (blocks, prose)
    }
}

impl Block {
    pub fn is_console(&self) -> bool {
        self.info.starts_with("console")
    }

    /// Why it isn't run by a test, where it isn't.
    pub fn not_run(&self) -> Option<&str> {
        self.info.strip_prefix("console not-run: ")
    }

    pub fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for line in &self.lines {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step {
                    command: command.to_owned(),
                    shown: Vec::new(),
                }),
                (None, Some(step)) => step.shown.push(line.clone()),
                (None, None) => panic!("line {}: a console block begins with `$ `", self.at),
            }
        }
        steps
    }
}
