//! What values of templates stand for, followed through parameters and outputs to the resource of another stack.

use serde_json::{Map, Value as Json};

use super::super::template::{self, section};
use super::super::{Blueprint, Stack, Value};

/// A resource: the index of its stack, and its logical id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource {
    pub stack: usize,
    pub id: String,
}

/// A part of a text that a template puts together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    /// Its `Ref`, or one of its attributes.
    Resource(Resource),
    /// What is known only when it is deployed.
    Unknown,
}

/// All stacks of a blueprint, their templates read.
pub struct Stacks<'a> {
    read: Vec<(&'a Stack, Map<String, Json>)>,
}

impl<'a> Stacks<'a> {
    /// A template that can't be read has no resources: `check` says why.
    pub fn read(blueprint: &'a Blueprint) -> Self {
        let read = |stack: &'a Stack| (stack, template::read(&stack.body).unwrap_or_default());
        Self {
            read: blueprint.stacks.iter().map(read).collect(),
        }
    }

    pub fn stacks(&self) -> impl Iterator<Item = (usize, &'a Stack)> + '_ {
        self.read.iter().map(|(stack, _)| *stack).enumerate()
    }

    pub fn stack(&self, index: usize) -> &'a Stack {
        self.read[index].0
    }

    /// The resources of a stack: each with its type and its description.
    pub fn resources(&self, stack: usize) -> impl Iterator<Item = (Resource, &str, &Json)> {
        section(&self.read[stack].1, "Resources").map(move |(id, resource)| {
            let kind = resource["Type"].as_str().unwrap_or_default();
            (Resource { stack, id: id.clone() }, kind, resource)
        })
    }

    pub fn all_resources(&self) -> impl Iterator<Item = (Resource, &str, &Json)> {
        (0..self.read.len()).flat_map(|stack| self.resources(stack))
    }

    /// What a stack puts out under a name.
    pub fn output(&self, stack: usize, name: &str) -> Option<Vec<Piece>> {
        let outputs = self.read[stack].1.get("Outputs")?;
        Some(self.pieces(stack, outputs.get(name)?.get("Value")?))
    }

    /// An output that is only text.
    pub fn output_text(&self, stack: usize, name: &str) -> Option<String> {
        text(&self.output(stack, name)?)
    }

    /// A text that stands in a template.
    pub fn literal(&self, stack: usize, value: &Json) -> Option<String> {
        text(&self.pieces(stack, value))
    }

    /// What a text of a template is made of.
    pub fn pieces(&self, stack: usize, value: &Json) -> Vec<Piece> {
        let mut pieces = Vec::new();
        self.collect(stack, value, &mut pieces);
        let mut joined: Vec<Piece> = Vec::new();
        for piece in pieces {
            match (joined.last_mut(), piece) {
                (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
                (_, piece) => joined.push(piece),
            }
        }
        joined
    }

    /// Every resource that something mentions, wherever in it.
    pub fn mentioned(&self, stack: usize, value: &Json) -> Vec<Resource> {
        let resources = self.pieces(stack, value).into_iter().filter_map(|piece| match piece {
            Piece::Resource(resource) => Some(resource),
            Piece::Text(_) | Piece::Unknown => None,
        });
        resources.collect()
    }

    fn collect(&self, stack: usize, value: &Json, found: &mut Vec<Piece>) {
        match value {
            Json::Null => {}
            Json::Bool(value) => found.push(Piece::Text(value.to_string())),
            Json::Number(number) => found.push(Piece::Text(number.to_string())),
            Json::String(text) => found.push(Piece::Text(text.clone())),
            Json::Array(items) => items.iter().for_each(|item| self.collect(stack, item, found)),
            Json::Object(entries) => match entries.iter().next() {
                Some((function, argument)) if entries.len() == 1 => self.call(stack, function, argument, found),
                _ => entries.values().for_each(|value| self.collect(stack, value, found)),
            },
        }
    }

    /// Of a function that isn't known, what its arguments are made of.
    fn call(&self, stack: usize, function: &str, argument: &Json, found: &mut Vec<Piece>) {
        match (function, argument) {
            ("Ref", Json::String(name)) => self.name(stack, name, found),
            ("Fn::GetAtt", Json::Array(path)) => {
                if let Some(id) = path.first().and_then(Json::as_str) {
                    self.name(stack, id, found);
                }
            }
            ("Fn::GetAtt", Json::String(path)) => {
                self.name(stack, path.split('.').next().unwrap_or_default(), found);
            }
            ("Fn::Sub", Json::String(text)) => self.sub(stack, text, None, found),
            ("Fn::Sub", Json::Array(arguments)) => {
                if let [Json::String(text), variables] = arguments.as_slice() {
                    self.sub(stack, text, variables.as_object(), found);
                }
            }
            ("Fn::Join", Json::Array(arguments)) => {
                if let [Json::String(between), Json::Array(items)] = arguments.as_slice() {
                    for (index, item) in items.iter().enumerate() {
                        if index > 0 {
                            found.push(Piece::Text(between.clone()));
                        }
                        self.collect(stack, item, found);
                    }
                } else {
                    self.collect(stack, argument, found);
                }
            }
            (_, argument) => self.collect(stack, argument, found),
        }
    }

    /// `${…}` of an `Fn::Sub`: variables of its own, else names and attributes. `${!…}` stands for itself.
    fn sub(&self, stack: usize, text: &str, variables: Option<&Map<String, Json>>, found: &mut Vec<Piece>) {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            found.push(Piece::Text(before.to_owned()));
            let Some((name, after)) = after.split_once('}') else {
                rest = after;
                break;
            };
            match (
                name.strip_prefix('!'),
                variables.and_then(|variables| variables.get(name)),
            ) {
                (Some(itself), _) => found.push(Piece::Text(format!("${{{itself}}}"))),
                (None, Some(value)) => self.collect(stack, value, found),
                (None, None) => self.name(stack, name.split('.').next().unwrap_or_default(), found),
            }
            rest = after;
        }
        found.push(Piece::Text(rest.to_owned()));
    }

    /// A parameter, a resource or a pseudo parameter. The latter stand for themselves: account and region don't matter.
    fn name(&self, stack: usize, name: &str, found: &mut Vec<Piece>) {
        let (of, template) = &self.read[stack];
        if section(template, "Resources").any(|(id, _)| id == name) {
            let id = name.to_owned();
            return found.push(Piece::Resource(Resource { stack, id }));
        }
        match (name, of.parameters.get(name)) {
            ("AWS::StackName", _) => found.push(Piece::Text(of.name.clone())),
            (name, _) if name.starts_with("AWS::") => found.push(Piece::Text(format!("${{{}}}", &name[5..]))),
            (_, Some(Value::Literal(text))) => found.push(Piece::Text(text.clone())),
            (_, Some(Value::Output { part, key })) => {
                // A part needs only those before it, so this ends.
                let before = self.read[..stack].iter().position(|(stack, _)| stack.part == *part);
                let output = before.and_then(|before| self.output(before, key));
                found.extend(output.unwrap_or_else(|| vec![Piece::Unknown]));
            }
            _ => found.push(Piece::Unknown),
        }
    }
}

/// Pieces that are only text.
pub fn text(pieces: &[Piece]) -> Option<String> {
    let texts = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => Some(text.as_str()),
        Piece::Resource(_) | Piece::Unknown => None,
    });
    texts.collect()
}

/// What may stand alone or in a list.
pub fn each(value: &Json) -> &[Json] {
    match value {
        Json::Null => &[],
        Json::Array(items) => items,
        one => std::slice::from_ref(one),
    }
}
