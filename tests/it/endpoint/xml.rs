//! Answers in the form of the AWS query protocol: XML whose lists are `<member>` elements.

use std::fmt::Write;

/// The content of an element.
#[derive(Debug, Clone)]
pub enum Content {
    Text(String),
    Fields(Fields),
    /// One `<member>` each.
    Members(Vec<Content>),
}

/// Elements in order.
#[derive(Debug, Clone, Default)]
pub struct Fields(Vec<(&'static str, Content)>);

impl Fields {
    pub fn new() -> Self {
        Fields::default()
    }

    pub fn text(mut self, name: &'static str, text: impl ToString) -> Self {
        self.0.push((name, Content::Text(text.to_string())));
        self
    }

    /// Left out when there is nothing to say: the service has no empty elements either.
    pub fn maybe(self, name: &'static str, text: Option<impl ToString>) -> Self {
        match text {
            Some(text) => self.text(name, text),
            None => self,
        }
    }

    pub fn fields(mut self, name: &'static str, fields: Fields) -> Self {
        self.0.push((name, Content::Fields(fields)));
        self
    }

    pub fn texts(mut self, name: &'static str, texts: impl IntoIterator<Item = impl ToString>) -> Self {
        let members = texts.into_iter().map(|text| Content::Text(text.to_string())).collect();
        self.0.push((name, Content::Members(members)));
        self
    }

    pub fn members(mut self, name: &'static str, members: impl IntoIterator<Item = Fields>) -> Self {
        let members = members.into_iter().map(Content::Fields).collect();
        self.0.push((name, Content::Members(members)));
        self
    }

    /// Left out when there are none, as the service does with some lists and not with others.
    pub fn some_texts(self, name: &'static str, texts: &[String]) -> Self {
        if texts.is_empty() {
            self
        } else {
            self.texts(name, texts)
        }
    }

    /// Left out when there are none.
    pub fn some_members(self, name: &'static str, members: Vec<Fields>) -> Self {
        if members.is_empty() {
            self
        } else {
            self.members(name, members)
        }
    }

    /// As XML, without an element around it.
    pub fn render(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        for (name, content) in &self.0 {
            element(out, name, content);
        }
    }
}

fn element(out: &mut String, name: &str, content: &Content) {
    let _ = write!(out, "<{name}>");
    match content {
        Content::Text(text) => out.push_str(&escape(text)),
        Content::Fields(fields) => fields.write(out),
        Content::Members(members) => members.iter().for_each(|content| element(out, "member", content)),
    }
    let _ = write!(out, "</{name}>");
}

/// Text as it may stand in an element.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
    out
}
