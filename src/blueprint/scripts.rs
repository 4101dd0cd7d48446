//! The scripts that make a worker of an instance, packed for its user data.

use std::io::{self, Write};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::{Compression, GzBuilder};
use include_dir::Dir;

use super::program::header;

/// As long as a line of a template may be.
const LINE: usize = 100;

/// What is in a folder, as a `.tar.gz` in lines of base64. Without comments and packed, because user data hold 16 KB, and
/// what an environment file says goes in there, too. The same scripts always make the same bytes: others would replace
/// every instance.
pub fn packed(folder: &Dir<'_>) -> io::Result<String> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut files: Vec<_> = folder.files().collect();
    files.sort_by_key(|file| file.path());
    for file in files {
        let code = without_comments(file.contents_utf8().unwrap_or_default());
        let name = file.path().strip_prefix(folder.path()).unwrap_or(file.path());
        tar.append_data(&mut header(code.len(), 0o644), name, code.as_bytes())?;
    }
    // 255: no operating system, which the header would tell otherwise.
    let gzip = GzBuilder::new().mtime(0).operating_system(255);
    let mut gzip = gzip.write(Vec::new(), Compression::best());
    gzip.write_all(&tar.into_inner()?)?;
    let text = BASE64_STANDARD.encode(gzip.finish()?);
    let lines: Vec<&str> = (0..text.len())
        .step_by(LINE)
        .map(|from| &text[from..text.len().min(from + LINE)])
        .collect();
    Ok(lines.join("\n"))
}

fn without_comments(script: &str) -> String {
    let is_code = |line: &&str| !(line.trim() == "#" || line.trim_start().starts_with("# "));
    script.lines().filter(is_code).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use include_dir::include_dir;

    use super::*;

    static WORKER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/worker");

    #[test]
    fn packed_are_all_scripts_without_their_comments() {
        let lines = packed(&WORKER).expect("packs");
        assert!(lines.lines().all(|line| line.len() <= LINE));
        let bytes = BASE64_STANDARD.decode(lines.replace('\n', "")).expect("base64");
        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
        let mut unpacked = Vec::new();
        for entry in archive.entries().expect("entries") {
            let mut entry = entry.expect("an entry");
            let (mut text, name) = (String::new(), entry.path().expect("a path").into_owned());
            entry.read_to_string(&mut text).expect("text");
            let source = WORKER.get_file(WORKER.path().join(&name)).expect("a script");
            let source = source.contents_utf8().unwrap_or_default();
            assert!(text == without_comments(source) && !text.contains("\n# "), "{text}");
            unpacked.push(name.display().to_string());
        }
        assert_eq!(unpacked, ["aws.sh", "bootstrap.sh", "secrets.sh", "watch.sh"]);
    }

    #[test]
    fn a_comment_is_a_line_of_its_own() {
        let script = "#!/bin/bash\n# why\n  # why, further in\n#\necho '# no' # this stays\n[ $# = 0 ]\n";
        assert_eq!(
            without_comments(script),
            "#!/bin/bash\necho '# no' # this stays\n[ $# = 0 ]\n"
        );
    }
}
