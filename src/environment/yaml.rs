//! YAML text to a JSON value and the place of everything in it.
//!
//! Reads the parser's events one by one rather than a loaded tree: events say where keys stand, which keys come twice
//! and how a scalar was written, and a hostile file can't make the reader recurse.

mod not_yaml;

use std::ops::Range;

use saphyr::Scalar;
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use serde_json::{Map, Value};

use super::characters::{first_unprintable, strange_characters, unprintable};
use super::explain::label;
use super::problem::Problem;
use super::source::{Lines, Place, Places, child};

/// Deeper than any environment file goes.
const DEEPEST: usize = 16;

/// What a text holds.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// The value; `None` if the text can't be read as YAML at all.
    pub value: Option<Value>,
    /// Where everything in it stands.
    pub places: Places,
    /// What is wrong with it as YAML.
    pub problems: Vec<Problem>,
    /// Pointers of values that stand for something that couldn't be read: nothing more is to be said about them.
    pub unknown: Vec<String>,
}

/// Reads one YAML document.
pub(super) fn read(text: &str) -> Document {
    let strange = strange_characters(text);
    if !strange.is_empty() {
        return Document {
            problems: strange,
            ..Document::default()
        };
    }
    let mut reader = Reader::new(text);
    match reader.run() {
        Ok(()) => reader.document,
        Err(Stop(problem)) => {
            let mut problems = reader.document.problems;
            problems.extend(problem);
            Document {
                problems,
                ..Document::default()
            }
        }
    }
}

/// The end of reading, with its reason unless that is already among the problems.
struct Stop(Option<Problem>);

struct Reader<'text> {
    text: &'text str,
    /// The parser counts characters; this is the byte of each.
    bytes: Vec<usize>,
    lines: Lines,
    open: Vec<Open>,
    document: Document,
    /// Anchors and aliases are named once a file: every alias has an anchor.
    anchors_named: bool,
}

/// A mapping or list that hasn't ended yet.
struct Open {
    pointer: String,
    key: Option<Range<usize>>,
    start: usize,
    content: Content,
}

enum Content {
    List(Vec<Value>),
    /// The entries, and the key whose value comes next.
    Mapping(Map<String, Value>, Option<NextKey>),
}

struct NextKey {
    text: String,
    place: Range<usize>,
    /// Comes for the second time: its value is read but not kept.
    again: bool,
}

impl<'text> Reader<'text> {
    fn new(text: &'text str) -> Self {
        let mut bytes: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        bytes.push(text.len());
        Reader {
            text,
            bytes,
            lines: Lines::of(text),
            open: Vec::new(),
            document: Document::default(),
            anchors_named: false,
        }
    }

    fn run(&mut self) -> Result<(), Stop> {
        let mut documents = 0;
        for event in Parser::new_from_str(self.text) {
            let (event, span) = event.map_err(|error| Stop(Some(self.not_yaml(&error))))?;
            match event {
                Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        let problem = Problem::new("", "a second YAML document")
                            .help("one file describes one environment: remove the `---`, or make it another file");
                        self.document.problems.push(problem.on_bytes(self.range(span)));
                        return Ok(());
                    }
                }
                Event::Alias(_) => {
                    self.anchors(span);
                    self.scalar(Value::Null, span, true)?;
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let unreadable = tag.is_some();
                    if anchor > 0 {
                        self.anchors(span);
                    }
                    if let Some(tag) = tag {
                        self.tag(&tag.to_string(), span);
                    }
                    if self.expects_key() {
                        self.key(text.into_owned(), span)?;
                    } else {
                        match self.value_of(&text, style) {
                            Some(value) => self.scalar(value, span, unreadable)?,
                            None => self.scalar(Value::Null, span, true)?,
                        }
                    }
                }
                Event::SequenceStart(anchor, tag) => {
                    self.start(Content::List(Vec::new()), anchor, tag.map(|t| t.to_string()), span)?;
                }
                Event::MappingStart(anchor, tag) => {
                    let content = Content::Mapping(Map::new(), None);
                    self.start(content, anchor, tag.map(|t| t.to_string()), span)?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(span),
            }
        }
        Ok(())
    }

    fn start(&mut self, content: Content, anchor: usize, tag: Option<String>, span: Span) -> Result<(), Stop> {
        if self.expects_key() {
            let problem = match content {
                Content::Mapping(..) => Problem::new("", "a mapping where a key is expected")
                    .help("text that starts with `{` needs quotes, such as \"{…}\""),
                Content::List(_) => Problem::new("", "a list where a key is expected")
                    .help("text that starts with `[` needs quotes, such as \"[…]\""),
            };
            return Err(Stop(Some(problem.on_bytes(self.range(span)))));
        }
        if self.open.len() >= DEEPEST {
            return Err(Stop(Some(self.too_deep(self.range(span)))));
        }
        let (pointer, key) = self.next_place();
        if anchor > 0 {
            self.anchors(span);
        }
        if let Some(tag) = tag {
            self.tag(&tag, span);
            self.document.unknown.push(pointer.clone());
        }
        self.open.push(Open {
            pointer,
            key,
            start: self.range(span).start,
            content,
        });
        Ok(())
    }

    fn end(&mut self, span: Span) {
        let Some(open) = self.open.pop() else { return };
        let end = self.range(span).end;
        // A block ends where the next thing begins: what lies between isn't part of it.
        let value = open.start..open.start + self.text[open.start..end.max(open.start)].trim_end().len();
        self.document
            .places
            .insert(open.pointer, Place { key: open.key, value });
        self.add(match open.content {
            Content::List(items) => Value::Array(items),
            Content::Mapping(entries, _) => Value::Object(entries),
        });
    }

    fn scalar(&mut self, value: Value, span: Span, unknown: bool) -> Result<(), Stop> {
        let (pointer, key) = match self.expects_key() {
            // An alias as a key.
            true => return Err(Stop(None)),
            false => self.next_place(),
        };
        if unknown {
            self.document.unknown.push(pointer.clone());
        }
        let value_place = self.range(span);
        self.document.places.insert(
            pointer,
            Place {
                key,
                value: value_place,
            },
        );
        self.add(value);
        Ok(())
    }

    fn key(&mut self, text: String, span: Span) -> Result<(), Stop> {
        let place = self.range(span);
        let Some(Open {
            pointer,
            content: Content::Mapping(entries, next),
            ..
        }) = self.open.last_mut()
        else {
            return Ok(());
        };
        let at = child(pointer, &text);
        let again = entries.contains_key(&text);
        if again {
            let first = self.document.places.get(&at).and_then(|place| place.key.clone());
            let (line, _) = self.lines.line(first.map_or(0, |key| key.start));
            let problem = Problem::new(at.clone(), format!("`{text}` comes twice, first in line {line}"))
                .help("keep one of the two");
            self.document.problems.push(problem.on_bytes(place.clone()));
        } else if text == "<<" {
            // Said below.
            self.document.unknown.push(at);
        } else if unprintable(&text) {
            let problem = Problem::new(
                at.clone(),
                format!("a key with an invisible character, {}", first_unprintable(&text)),
            )
            .help("only printable text belongs here");
            self.document.problems.push(problem.on_bytes(place.clone()));
            self.document.unknown.push(at);
        }
        let merges = text == "<<";
        *next = Some(NextKey { text, place, again });
        if merges {
            self.anchors(span);
        }
        Ok(())
    }

    /// The value that the core schema of YAML 1.2 gives a scalar; `None`, and a problem, if there's none in JSON.
    fn value_of(&mut self, text: &str, style: ScalarStyle) -> Option<Value> {
        let pointer = self.peek_pointer();
        // saphyr takes a second sign, `++0` or `0x-1`, for a number (https://github.com/saphyr-rs/saphyr/pull/122).
        let two_signs = ["++", "+-", "0x+", "0x-", "0o+", "0o-"]
            .iter()
            .any(|start| text.starts_with(start));
        let style = if two_signs { ScalarStyle::SingleQuoted } else { style };
        let scalar = Scalar::parse_from_cow_and_metadata(text.into(), style, None);
        let problem = match scalar {
            None | Some(Scalar::Null) => return Some(Value::Null),
            Some(Scalar::Boolean(b)) => return Some(Value::Bool(b)),
            Some(Scalar::Integer(i)) => return Some(Value::from(i)),
            Some(Scalar::FloatingPoint(f)) => {
                let f = f.into_inner();
                // 5.0 is a whole number to JSON Schema, but not to serde.
                if f.fract() == 0.0 && f.abs() < 9e15 {
                    return Some(Value::from(f as i64));
                }
                match serde_json::Number::from_f64(f) {
                    Some(number) => return Some(Value::Number(number)),
                    None => Problem::new(pointer, format!("`{text}` is not a number that can be counted with")),
                }
            }
            Some(Scalar::String(text)) if unprintable(&text) => {
                let what = match first_unprintable(&text).as_str() {
                    "U+000A" => "more than one line of text".to_owned(),
                    other => format!("an invisible character, {other}, in its text"),
                };
                let has = format!("{} has {what}", label(&pointer));
                let problem = Problem::new(pointer, has);
                problem.help("only one line of printable text belongs here")
            }
            Some(Scalar::String(text)) => return Some(Value::String(text.into_owned())),
        };
        self.document.problems.push(problem);
        None
    }

    fn anchors(&mut self, span: Span) {
        if !self.anchors_named {
            self.anchors_named = true;
            let problem = Problem::new("", "anchors (`&`), aliases (`*`) and merge keys (`<<`) are not read")
                .help("write the value out at each place; text that starts with `&` or `*` needs quotes");
            let range = self.range(span);
            self.document.problems.push(problem.on_bytes(range));
        }
    }

    fn tag(&mut self, tag: &str, span: Span) {
        let problem = Problem::new("", format!("`{tag}` is a YAML tag, and an environment file has none"))
            .help("it isn't a CloudFormation template; write the value itself, or quotes if the text starts with `!`");
        let range = self.range(span);
        self.document.problems.push(problem.on_bytes(range));
    }

    fn expects_key(&self) -> bool {
        matches!(
            self.open.last(),
            Some(Open {
                content: Content::Mapping(_, None),
                ..
            })
        )
    }

    /// Pointer and key of the value that comes next.
    fn next_place(&self) -> (String, Option<Range<usize>>) {
        match self.open.last() {
            None => (String::new(), None),
            Some(Open { pointer, content, .. }) => match content {
                Content::List(items) => (child(pointer, &items.len().to_string()), None),
                Content::Mapping(_, Some(key)) => {
                    // The second of two equal keys gets a pointer that no value has, so that the first keeps its place.
                    let name = if key.again {
                        format!("{} (again)", key.text)
                    } else {
                        key.text.clone()
                    };
                    (child(pointer, &name), Some(key.place.clone()))
                }
                Content::Mapping(_, None) => (pointer.clone(), None),
            },
        }
    }

    fn peek_pointer(&self) -> String {
        self.next_place().0
    }

    fn add(&mut self, value: Value) {
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.document.value = Some(value),
            Some(Content::List(items)) => items.push(value),
            Some(Content::Mapping(entries, next)) => {
                if let Some(key) = next.take()
                    && !key.again
                {
                    entries.insert(key.text, value);
                }
            }
        }
    }

    fn range(&self, span: Span) -> Range<usize> {
        let byte = |index: usize| self.bytes.get(index).copied().unwrap_or(self.text.len());
        let start = byte(span.start.index());
        start..byte(span.end.index()).max(start)
    }
}
