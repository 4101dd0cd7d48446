//! Reads an expression of CloudWatch's metric math
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html>).
//!
//! Own code, as no crate for expressions knows series with gaps. It reads what templates have: numbers, names, operators
//! and calls, but no texts and no arrays.

use std::fmt;

/// How many terms and operators an expression may have. AWS allows 2,047 characters; a bound on the terms keeps the
/// recursion of whoever walks over them shallow.
const MOST_TERMS: usize = 256;

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}, at character {at}")]
pub struct Fault {
    /// The character it begins at, counted from 1.
    pub at: usize,
    pub message: String,
}

impl Fault {
    /// Something wrong at a character.
    pub fn new(at: usize, message: impl Into<String>) -> Fault {
        let message = message.into();
        Fault { at, message }
    }
}

/// A part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// The character it begins at, counted from 1; of an operation, the operator's.
    pub at: usize,
    pub what: What,
}

/// What a part of an expression is.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// `2`, `0.5`
    Number(f64),
    /// The Id of a metric or of another expression, which begins with a lower-case letter.
    Name(String),
    /// `-x`
    Negative(Box<Term>),
    /// `x + y`
    Operation(Operator, Box<Term>, Box<Term>),
    /// `IF(x, y, z)`
    Call(String, Vec<Term>),
}

/// What stands between two terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Plus,
    Minus,
    Times,
    Over,
    Power,
}

impl Operator {
    /// How tightly it binds its left and its right side. AWS doesn't document precedence: this is what is usual.
    fn binding(self) -> (u8, u8) {
        use Operator::*;
        match self {
            Or => (1, 2),
            And => (3, 4),
            Equal | NotEqual | Less | AtMost | Greater | AtLeast => (5, 6),
            Plus | Minus => (7, 8),
            Times | Over => (9, 10),
            // To the right: 2 ^ 3 ^ 2 is 2 ^ 9.
            Power => (14, 13),
        }
    }
}

/// Between a product and a power: -2 ^ 2 is -4, and -2 * 3 is (-2) * 3.
const NEGATIVE_BINDS: u8 = 12;

impl Term {
    /// All names in it, in the order they stand, each with the character it begins at. A name may come twice.
    pub fn names(&self) -> Vec<(usize, &str)> {
        let mut names = Vec::new();
        self.gather_names(&mut names);
        names
    }

    fn gather_names<'a>(&'a self, names: &mut Vec<(usize, &'a str)>) {
        match &self.what {
            What::Name(name) => names.push((self.at, name)),
            What::Number(_) => {}
            What::Negative(term) => term.gather_names(names),
            What::Operation(_, left, right) => {
                left.gather_names(names);
                right.gather_names(names);
            }
            What::Call(_, terms) => terms.iter().for_each(|term| term.gather_names(names)),
        }
    }
}

/// Reads an expression; or says what is wrong with it, and where.
pub fn parse(text: &str) -> Result<Term, Fault> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        next: 0,
        terms: 0,
    };
    let term = parser.term(0)?;
    match parser.take() {
        (_, Token::End) => Ok(term),
        (at, token) => Err(Fault::new(at, format!("{token} comes unexpectedly"))),
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(f64),
    Word(String),
    Operator(Operator, &'static str),
    Open,
    Close,
    Comma,
    End,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Token::Number(number) => write!(f, "`{number}`"),
            Token::Word(word) => write!(f, "`{word}`"),
            Token::Operator(_, sign) => write!(f, "`{sign}`"),
            Token::Open => f.write_str("`(`"),
            Token::Close => f.write_str("`)`"),
            Token::Comma => f.write_str("`,`"),
            Token::End => f.write_str("the end"),
        }
    }
}

/// Signs of two characters before those of one, which they may begin with.
const SIGNS: [(&str, Operator); 13] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("&&", Operator::And),
    ("||", Operator::Or),
    ("<", Operator::Less),
    (">", Operator::Greater),
    ("+", Operator::Plus),
    ("-", Operator::Minus),
    ("*", Operator::Times),
    ("/", Operator::Over),
    ("^", Operator::Power),
];

/// The tokens of a text, each with the character it begins at, and the end.
fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Fault> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut at = 1;
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first.is_whitespace() {
            (None, first.len_utf8())
        } else if first.is_ascii_digit() || first == '.' {
            let length = length_while(rest, |c| c.is_ascii_digit() || c == '.');
            let number = rest[..length].parse().ok().filter(|number: &f64| number.is_finite());
            let number = number.ok_or_else(|| Fault::new(at, format!("`{}` is no number", &rest[..length])))?;
            (Some(Token::Number(number)), length)
        } else if first.is_ascii_alphabetic() {
            let length = length_while(rest, |c| c.is_ascii_alphanumeric() || c == '_');
            let token = match &rest[..length] {
                "AND" => Token::Operator(Operator::And, "AND"),
                "OR" => Token::Operator(Operator::Or, "OR"),
                word => Token::Word(word.to_owned()),
            };
            (Some(token), length)
        } else if let Some((sign, operator)) = SIGNS.into_iter().find(|(sign, _)| rest.starts_with(sign)) {
            (Some(Token::Operator(operator, sign)), sign.len())
        } else {
            let token = match first {
                '(' => Token::Open,
                ')' => Token::Close,
                ',' => Token::Comma,
                other => return Err(Fault::new(at, format!("{other:?} means nothing"))),
            };
            (Some(token), 1)
        };
        tokens.extend(token.map(|token| (at, token)));
        at += rest[..length].chars().count();
        rest = &rest[length..];
    }
    tokens.push((at, Token::End));
    Ok(tokens)
}

/// How many bytes from the beginning on hold only such characters.
fn length_while(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

struct Parser {
    /// Never empty: the last one is the end, which is never taken away.
    tokens: Vec<(usize, Token)>,
    next: usize,
    terms: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.next].1
    }

    fn take(&mut self) -> (usize, Token) {
        let taken = self.tokens[self.next].clone();
        if taken.1 != Token::End {
            self.next += 1;
        }
        taken
    }

    fn expect(&mut self, wanted: Token) -> Result<(), Fault> {
        match self.take() {
            (_, token) if token == wanted => Ok(()),
            (at, token) => Err(Fault::new(at, format!("{token} stands where {wanted} is missing"))),
        }
    }

    /// A term with all operators that bind more tightly than `binds`.
    fn term(&mut self, binds: u8) -> Result<Term, Fault> {
        let (at, token) = self.take();
        self.terms += 1;
        if self.terms > MOST_TERMS {
            return Err(Fault::new(at, format!("it has more than {MOST_TERMS} terms")));
        }
        let mut left = match token {
            Token::Open => {
                let inside = self.term(0)?;
                self.expect(Token::Close)?;
                inside
            }
            token => Term {
                at,
                what: self.value(at, token)?,
            },
        };
        while let Token::Operator(operator, _) = *self.peek() {
            let (binds_left, binds_right) = operator.binding();
            if binds_left <= binds {
                break;
            }
            let (at, _) = self.take();
            let right = self.term(binds_right)?;
            let what = What::Operation(operator, Box::new(left), Box::new(right));
            left = Term { at, what };
        }
        Ok(left)
    }

    /// What begins with a token that is taken already.
    fn value(&mut self, at: usize, token: Token) -> Result<What, Fault> {
        Ok(match token {
            Token::Number(number) => What::Number(number),
            Token::Word(word) if word.starts_with(|c: char| c.is_ascii_lowercase()) => What::Name(word),
            Token::Word(word) if *self.peek() == Token::Open => {
                self.take();
                What::Call(word, self.arguments()?)
            }
            Token::Operator(Operator::Minus, _) => What::Negative(Box::new(self.term(NEGATIVE_BINDS)?)),
            other => return Err(Fault::new(at, format!("{other} stands where a value is missing"))),
        })
    }

    /// Terms between commas, up to the closing bracket.
    fn arguments(&mut self) -> Result<Vec<Term>, Fault> {
        let mut terms = Vec::new();
        if *self.peek() == Token::Close {
            self.take();
            return Ok(terms);
        }
        loop {
            terms.push(self.term(0)?);
            match self.take() {
                (_, Token::Comma) => {}
                (_, Token::Close) => return Ok(terms),
                (at, token) => {
                    return Err(Fault::new(at, format!("{token} stands where `,` or `)` is missing")));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
