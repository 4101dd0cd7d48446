//! Bodies of messages, from files or from standard input: each as a whole, or each of its lines.
//!
//! They are read twice, once to check all of them and once to send them, and never held in memory all at once.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::files::LocalFile;
use super::messages::Job;
use super::refused;
use crate::cloud::sqs::messages::{LARGEST, Message, may_be_in_a_body};
use crate::error::{Error, Result};

/// What stands for standard input among files.
pub const STDIN: &str = "-";

/// Where bodies come from.
#[derive(Debug)]
pub struct Bodies {
    sources: Vec<Source>,
    /// Each line is a body, and not the whole file.
    by_line: bool,
    /// The most bytes that a body may have.
    most: usize,
    /// Standard input, kept until the end.
    _spooled: Option<NamedTempFile>,
}

#[derive(Debug, Clone)]
struct Source {
    name: String,
    path: PathBuf,
}

/// How many bodies there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    pub messages: u64,
    /// Their size in bytes.
    pub bytes: u64,
}

impl Bodies {
    /// The bodies in these files.
    pub fn of_files(files: Vec<LocalFile>, by_line: bool) -> Bodies {
        let sources = files.into_iter().map(|file| Source {
            name: file.path.display().to_string(),
            path: file.path,
        });
        Bodies {
            sources: sources.collect(),
            by_line,
            most: LARGEST,
            _spooled: None,
        }
    }

    /// The bodies on standard input, read to its end and kept in a temporary file.
    ///
    /// # Errors
    /// A failure when reading or keeping them fails.
    pub fn of_stdin(mut stdin: impl Read, by_line: bool) -> Result<Bodies> {
        let kept = NamedTempFile::new().and_then(|mut file| {
            io::copy(&mut stdin, &mut file)?;
            Ok(file)
        });
        let file = kept.map_err(|error| Error::failed(format!("standard input can't be read: {error}")))?;
        let source = Source {
            name: "standard input".into(),
            path: file.path().to_owned(),
        };
        Ok(Bodies {
            sources: vec![source],
            by_line,
            most: LARGEST,
            _spooled: Some(file),
        })
    }

    /// The same, with room in each message for so many bytes beside the body.
    pub fn with_room_for(self, bytes: usize) -> Bodies {
        let most = self.most.saturating_sub(bytes);
        Bodies { most, ..self }
    }

    /// Counts them.
    ///
    /// # Errors
    /// Usage, with every body that SQS wouldn't take, or when there is none.
    pub fn check(&self) -> Result<Count> {
        let mut count = Count::default();
        let mut problems = Vec::new();
        for job in self.read() {
            match job {
                Ok(job) => {
                    count.messages += 1;
                    count.bytes += job.message.size() as u64;
                }
                Err(problem) => problems.push(problem),
            }
        }
        if count.messages == 0 && problems.is_empty() {
            problems.push("there is nothing in it but blank lines".into());
        }
        if problems.is_empty() {
            Ok(count)
        } else {
            Err(refused(&problems))
        }
    }

    /// All of them, in order. For one that SQS wouldn't take: what is wrong with it.
    pub fn read(&self) -> impl Iterator<Item = std::result::Result<Job, String>> + use<> {
        let (by_line, most) = (self.by_line, self.most);
        self.sources
            .clone()
            .into_iter()
            .flat_map(move |source| source.read(by_line, most))
    }
}

impl Source {
    fn read(self, by_line: bool, most: usize) -> Box<dyn Iterator<Item = std::result::Result<Job, String>> + Send> {
        match (File::open(&self.path), by_line) {
            (Err(error), _) => Box::new(std::iter::once(Err(format!("{}: {error}", self.name)))),
            (Ok(file), true) => Box::new(lines(BufReader::new(file), self.name, most)),
            (Ok(file), false) => Box::new(std::iter::once(whole(file, self.name, most))),
        }
    }
}

fn whole(file: File, name: String, most: usize) -> std::result::Result<Job, String> {
    let mut bytes = Vec::new();
    // One more than fits: enough to know that it doesn't.
    match file.take(LARGEST as u64 + 1).read_to_end(&mut bytes) {
        Ok(0) => Err(format!("{name} is empty, and a message can't be")),
        Ok(_) => job(bytes, name, most),
        Err(error) => Err(format!("{name}: {error}")),
    }
}

/// The lines that aren't blank, each with its number in its name.
fn lines(
    mut reader: impl BufRead,
    name: String,
    most: usize,
) -> impl Iterator<Item = std::result::Result<Job, String>> {
    let mut number = 0_u64;
    let mut failed = false;
    std::iter::from_fn(move || {
        while !failed {
            number += 1;
            let place = format!("{name}, line {number}");
            match line(&mut reader) {
                Ok(None) => return None,
                Ok(Some(bytes)) if bytes.trim_ascii().is_empty() => {}
                Ok(Some(bytes)) => return Some(job(bytes, place, most)),
                Err(error) => {
                    failed = true;
                    return Some(Err(format!("{place}: {error}")));
                }
            }
        }
        None
    })
}

/// The next line without its end. Of a line that is too long for a message only the beginning is read, which is enough
/// to see that.
fn line(reader: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    // Room for the line's end, too.
    const ENOUGH: usize = LARGEST + 3;
    let mut line = Vec::new();
    let mut any = false;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(buffer.len(), |end| end + 1);
        let room = ENOUGH.saturating_sub(line.len()).min(length);
        line.extend_from_slice(&buffer[..room]);
        reader.consume(length);
        if end.is_some() {
            break;
        }
    }
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
    Ok(any.then_some(line))
}

fn job(bytes: Vec<u8>, name: String, most: usize) -> std::result::Result<Job, String> {
    if bytes.len() > most {
        let with = if most < LARGEST { " with its id" } else { "" };
        return Err(format!("{name} is larger than 1 MiB{with}, the most that SQS takes"));
    }
    let Ok(body) = String::from_utf8(bytes) else {
        return Err(format!("{name} is not UTF-8 text, and a message must be"));
    };
    if let Some(c) = body.chars().find(|c| !may_be_in_a_body(*c)) {
        return Err(format!("{name} holds the character {c:?}, which SQS doesn't take"));
    }
    Ok(Job {
        message: Message::new(body),
        name,
    })
}

/// The paths among the arguments, when standard input isn't one of them.
///
/// # Errors
/// Usage, when standard input is to be read beside files.
pub fn only_files(paths: &[PathBuf]) -> Result<Option<&[PathBuf]>> {
    let stdin = |path: &PathBuf| path == Path::new(STDIN);
    match (paths.iter().any(stdin), paths.len()) {
        (false, _) => Ok(Some(paths)),
        (true, 1) => Ok(None),
        (true, _) => {
            Err(Error::usage("`-`, standard input, can't be read beside files")
                .with_help("send them one after the other"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(text: &[u8], by_line: bool) -> Bodies {
        Bodies::of_stdin(text, by_line).expect("kept")
    }

    fn texts(bodies: &Bodies) -> Vec<String> {
        let bodies = bodies.read().map(|job| job.expect("a body").message.body);
        bodies.collect()
    }

    #[test]
    fn lines_lose_their_ends_and_blank_ones_are_left_out() {
        let bodies = bodies("{\"n\": 1}\r\n\n  \t\n zwei \nemoji 🚚".as_bytes(), true);
        assert_eq!(texts(&bodies), ["{\"n\": 1}", " zwei ", "emoji 🚚"]);
        let names: Vec<String> = bodies.read().map(|job| job.expect("a body").name).collect();
        assert_eq!(names[1], "standard input, line 4");
        assert_eq!(
            bodies.check().expect("fine"),
            Count {
                messages: 3,
                bytes: 8 + 6 + 10
            }
        );
    }

    #[test]
    fn a_whole_file_is_sent_as_it_is() {
        assert_eq!(texts(&bodies(b"one\r\ntwo\n", false)), ["one\r\ntwo\n"]);
    }

    #[test]
    fn what_sqs_would_not_take_is_said_with_its_place_before_anything_is_sent() {
        let mut text = b"fine\nnot \xff\nbell \x07\n".to_vec();
        text.extend(vec![b'x'; LARGEST]);
        text.extend(b"\r\n");
        text.extend(vec![b'y'; LARGEST + 1]);
        text.extend(b"\nfine\n");
        let error = bodies(&text, true).check().expect_err("refused");
        assert_eq!(error.exit_code(), 2);
        let said: Vec<String> = error.to_string().lines().skip(1).map(str::to_owned).collect();
        assert_eq!(
            said,
            [
                "  standard input, line 2 is not UTF-8 text, and a message must be",
                "  standard input, line 3 holds the character '\\u{7}', which SQS doesn't take",
                "  standard input, line 5 is larger than 1 MiB, the most that SQS takes",
            ]
        );
        for (text, by_line, part) in [
            (vec![b'x'; LARGEST + 1], false, "larger than 1 MiB"),
            (Vec::new(), false, "is empty"),
            (b"\n \n".to_vec(), true, "nothing in it"),
        ] {
            let error = bodies(&text, by_line).check().expect_err("refused");
            assert!(error.to_string().contains(part), "{error}");
        }
        assert!(bodies(&vec![b'x'; LARGEST], false).check().is_ok());
        let with_an_id = |length| bodies(&vec![b'x'; length], false).with_room_for(46).check();
        assert!(with_an_id(LARGEST - 46).is_ok());
        let error = with_an_id(LARGEST - 45).expect_err("refused");
        assert!(error.to_string().contains("larger than 1 MiB with its id"), "{error}");
    }
}
