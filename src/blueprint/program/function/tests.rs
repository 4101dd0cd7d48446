use std::cell::Cell;
use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::environment::Lambda;

const POINTER: &str = "/stages/0/workers/lambda";
const APP: &str = "def handler(event, context): pass\n";

fn lambda(runtime: &str, handler: &str) -> Lambda {
    let yaml = format!("{{program: x, runtime: {runtime}, handler: {handler}}}");
    serde_yaml::from_str(&yaml).expect("a function")
}

fn recipe<'a>(lambda: &'a Lambda, folder: &Path) -> Recipe<'a> {
    Recipe {
        lambda,
        folder: folder.to_owned(),
        local: false,
        pointer: POINTER.into(),
    }
}

fn write(folder: &Path, name: &str, content: &str, mode: u32) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().expect("has a parent")).expect("makes folders");
    fs::write(&path, content).expect("writes");
    fs::set_permissions(&path, Permissions::from_mode(mode)).expect("sets the mode");
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Name, mode and content of what is in a zip.
fn entries(zip: &[u8]) -> Vec<(String, u32, String)> {
    let mut archive = ZipArchive::new(Cursor::new(zip)).expect("is a zip");
    (0..archive.len())
        .map(|place| {
            let mut file = archive.by_index(place).expect("a file");
            assert_eq!(file.last_modified().map(|at| at.year()), Some(1980));
            let mode = file.unix_mode().expect("a mode") & 0o777;
            let mut content = String::new();
            file.read_to_string(&mut content).expect("reads");
            (file.name().expect("a name").into_owned(), mode, content)
        })
        .collect()
}

fn messages(problems: Vec<Problem>) -> Vec<(String, String)> {
    let said = |problem: Problem| (problem.pointer, problem.message + &problem.help.unwrap_or_default());
    problems.into_iter().map(said).collect()
}

#[test]
fn the_same_content_makes_the_same_bytes() {
    let lambda = lambda("python3.13", "app.handler");
    let (one, two) = (folder(), folder());
    write(one.path(), "lib/b.py", "b", 0o600);
    write(one.path(), "app.py", APP, 0o700);
    write(two.path(), "app.py", APP, 0o755);
    write(two.path(), "lib/b.py", "b", 0o644);
    write(two.path(), "node_modules/x.js", "left behind by tools", 0o644);
    let pack = |folder: &tempfile::TempDir| recipe(&lambda, folder.path()).pack(|_| ()).expect("packs");
    let (first, second) = (pack(&one), pack(&two));
    assert_eq!(first.archive, second.archive);
    assert_eq!(first.hash, hexadecimal(Sha256::digest(&second.archive)));
    let expected = [("app.py", 0o755, APP), ("lib/b.py", 0o644, "b")];
    assert_eq!(
        entries(&first.archive),
        expected.map(|(name, mode, content)| (name.to_owned(), mode, content.to_owned()))
    );
    write(two.path(), "lib/b.py", "B", 0o644);
    assert_ne!(pack(&two).hash, first.hash);
}

#[test]
fn a_handler_is_looked_for_where_its_runtime_would() {
    for (runtime, handler, file) in [
        ("python3.13", "app.handler", Some("app.py")),
        ("python3.13", "mover.function.handler", Some("mover/function.py")),
        ("python3.13", "mover/function.handler", Some("mover/function.py")),
        ("python3.13", "mover.handler", Some("mover/__init__.py")),
        ("nodejs22.x", "index.handler", Some("index.mjs")),
        ("nodejs22.x", "src/app.module.handler", Some("src/app.js")),
        ("ruby3.4", "lib/worker.Worker.handler", Some("lib/worker.rb")),
        ("provided.al2023", "anything", Some("bootstrap")),
        ("java21", "example.Worker::handle", None),
    ] {
        let lambda = lambda(runtime, handler);
        let folder = folder();
        write(folder.path(), "other.txt", "", 0o644);
        let packed = || recipe(&lambda, folder.path()).pack(|_| ());
        let Some(file) = file else {
            assert!(packed().is_ok(), "{runtime} {handler}");
            continue;
        };
        let problems = messages(packed().expect_err("its file isn't there"));
        assert_eq!(problems.len(), 1, "{problems:?}");
        let key = if file == "bootstrap" { "program" } else { "handler" };
        assert_eq!(problems[0].0, format!("{POINTER}/{key}"));
        write(folder.path(), file, APP, 0o755);
        assert!(packed().is_ok(), "{runtime} {handler}: {file}");
    }
}

/// "Handler 'handler' missing on module 'app'", and that only with the first message
/// (<https://github.com/aws/aws-lambda-python-runtime-interface-client>, `bootstrap.py`).
#[test]
fn a_python_function_is_looked_for_in_its_file() {
    let lambda = lambda("python3.13", "app.handler");
    let folder = folder();
    for (code, has_it) in [
        (APP, true),
        ("from code import handler\n", true),
        ("handler = make()\n", true),
        ("from code import *\n", true),
        ("def handle(event, context): pass\n", false),
        ("def my_handler(event, context): pass\n", false),
    ] {
        write(folder.path(), "app.py", code, 0o644);
        let packed = recipe(&lambda, folder.path()).pack(|_| ());
        let problems = packed.err().map(messages).unwrap_or_default();
        assert_eq!(problems.is_empty(), has_it, "{code}: {problems:?}");
        let is_told = |(pointer, message): &(String, String)| {
            *pointer == format!("{POINTER}/handler") && message.contains("app.py has no function `handler`")
        };
        assert!(problems.iter().all(is_told), "{problems:?}");
    }
}

/// Lambda can't start it: "fork/exec /var/task/bootstrap: permission denied".
#[test]
fn a_bootstrap_that_is_not_executable_is_refused() {
    let provided = lambda("provided.al2023", "anything");
    let folder = folder();
    write(folder.path(), "bootstrap", "#!/bin/sh", 0o644);
    let problems = messages(
        recipe(&provided, folder.path())
            .pack(|_| ())
            .expect_err("can't be started"),
    );
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].0, format!("{POINTER}/program"));
    assert!(problems[0].1.contains("is not executable"), "{problems:?}");
    assert!(problems[0].1.contains("chmod +x bootstrap"), "{problems:?}");
    // Elsewhere it is a file like another.
    let python = lambda("python3.13", "app.handler");
    write(folder.path(), "app.py", APP, 0o644);
    assert!(recipe(&python, folder.path()).pack(|_| ()).is_ok());
}

#[test]
fn a_folder_that_is_too_large_is_refused_before_anything_is_read() {
    let lambda = lambda("python3.13", "app.handler");
    let folder = folder();
    write(folder.path(), "app.py", APP, 0o644);
    let large = fs::File::create(folder.path().join("model.bin")).expect("a file");
    large.set_len(UNZIPPED + 1).expect("is sparse");
    let problems = messages(recipe(&lambda, folder.path()).pack(|_| ()).expect_err("is too large"));
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].1.contains("holds 263 MB, and a function may hold 262 MB"),
        "{problems:?}"
    );
}

/// What a build put there is packed, `node_modules` included, but not what tools leave in a source folder; the folder itself
/// isn't touched; and it is run once.
#[test]
fn a_build_is_run_once_in_a_copy() {
    let lambda = lambda("nodejs22.x", "index.handler");
    let (folder, cache) = (folder(), folder());
    write(folder.path(), "index.mjs", "code", 0o644);
    write(folder.path(), "node_modules/old.js", "old", 0o644);
    write(
        folder.path(),
        "build",
        "#!/bin/sh\nset -eu\ntest ! -e node_modules\nmkdir -p node_modules/.bin\n\
         echo \"$QFLEET_RUNTIME $QFLEET_ARCHITECTURE ${QFLEET_LOCAL-aws}\" >node_modules/new.js\n\
         ln -s ../new.js node_modules/.bin/new\n",
        0o755,
    );
    let runs = Cell::new(0);
    let zip = |recipe: &Recipe<'_>| {
        let told = |at: &Path| {
            assert_eq!(at, folder.path());
            runs.set(runs.get() + 1);
        };
        recipe.archive(Some(cache.path()), told).expect("is built")
    };
    let mut recipe = recipe(&lambda, folder.path());
    let first = zip(&recipe);
    let built = |how: &str| {
        [
            ("index.mjs", "code"),
            ("node_modules/.bin/new", how),
            ("node_modules/new.js", how),
        ]
        .map(|(name, content)| (name.to_owned(), 0o644, content.to_owned()))
    };
    assert_eq!(entries(&first), built("nodejs22.x arm64 aws\n"));
    assert!(!folder.path().join("node_modules/new.js").exists());
    assert_eq!((zip(&recipe), runs.get()), (first, 1));

    // For this machine it may be made otherwise, and so it is with other code.
    recipe.local = true;
    assert_eq!(entries(&zip(&recipe)), built("nodejs22.x arm64 true\n"));
    assert_eq!(runs.get(), 2);
    write(folder.path(), "index.mjs", "other", 0o644);
    zip(&recipe);
    assert_eq!(runs.get(), 3);
}

#[test]
fn a_build_that_fails_says_what_it_said() {
    let lambda = lambda("python3.13", "app.handler");
    let folder = folder();
    write(folder.path(), "app.py", APP, 0o644);
    write(
        folder.path(),
        "build",
        "#!/bin/sh\necho out; echo 'no such package' >&2; exit 3\n",
        0o755,
    );
    let failed = |folder: &Path| messages(recipe(&lambda, folder).archive(None, |_| ()).expect_err("fails"));
    let problems = failed(folder.path());
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].0, format!("{POINTER}/program"));
    assert!(problems[0].1.contains("exit status: 3"), "{problems:?}");
    assert!(problems[0].1.contains("out\nno such package"), "{problems:?}");

    write(folder.path(), "build", "#!/nowhere/python\n", 0o755);
    assert!(failed(folder.path())[0].1.contains("build can't be run: No such file"));
    write(folder.path(), "build", "#!/bin/sh\nexit 0\n", 0o644);
    assert!(failed(folder.path())[0].1.contains("chmod +x"));
    // A link out of the folder would be another thing on another machine.
    write(folder.path(), "build", "#!/bin/sh\nln -s /etc/passwd users\n", 0o755);
    assert!(failed(folder.path())[0].1.contains("users is a symbolic link"));
}

#[test]
fn what_nobody_used_for_long_goes() {
    let cache = folder();
    build::keep(cache.path(), "old", b"old");
    let old = fs::File::options()
        .append(true)
        .open(cache.path().join("old"))
        .expect("is kept");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(40 * 24 * 3600);
    old.set_modified(long_ago).expect("can be said");
    build::keep(cache.path(), "new", b"new");
    assert_eq!(build::kept(cache.path(), "old"), None);
    assert_eq!(build::kept(cache.path(), "new").as_deref(), Some(b"new".as_slice()));
}
