//! What templates speak of, as nodes: resources by references, and by ARNs and domain names that are text.

use serde_json::Value as Json;

use super::Kind;
use super::buckets::{Bucket, unquoted};
use super::nodes::Nodes;
use super::resolve::{Piece, Stacks, text};

impl Nodes {
    /// What an ARN, a domain name or a reference leads to, in the picture.
    pub fn places(&mut self, stacks: &Stacks<'_>, stack: usize, value: &Json) -> Vec<usize> {
        let pieces = stacks.pieces(stack, value);
        if let Some(at) = pieces.iter().position(|piece| matches!(piece, Piece::Resource(_)))
            && let Piece::Resource(resource) = &pieces[at]
        {
            let path = text(&pieces[at + 1..]).unwrap_or_default();
            let bucket = self
                .buckets
                .iter()
                .find(|bucket| bucket.resource.as_ref() == Some(resource));
            return match bucket {
                Some(bucket) => vec![bucket.at(&path)],
                None => self.holding(resource).into_iter().collect(),
            };
        }
        let Some(arn) = text(&pieces).map(|text| unquoted(&text)) else {
            return Vec::new();
        };
        self.named(&arn)
    }

    /// What an ARN without a reference names.
    fn named(&mut self, arn: &str) -> Vec<usize> {
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, service, _, _, name] = fields[..] else {
            return Vec::new();
        };
        match service {
            "s3" => {
                let (bucket, path) = name
                    .split_once('/')
                    .map_or((name, ""), |(bucket, _)| (bucket, &name[bucket.len()..]));
                let known = self.buckets.iter().find(|known| known.name.as_deref() == Some(bucket));
                match known {
                    Some(known) => vec![known.at(path)],
                    // Whatever bucket: nobody in particular.
                    None if bucket.contains('*') => Vec::new(),
                    None => vec![self.elsewhere(bucket, Kind::Bucket)],
                }
            }
            "cloudfront" if name.starts_with("distribution/") => self.all(Kind::Delivery),
            "cloudwatch" if name.starts_with("alarm:") => self.all(Kind::Alarms),
            "sns" | "sqs" if !name.contains('*') => vec![self.elsewhere(name, Kind::Outside)],
            _ => Vec::new(),
        }
    }

    /// Something that belongs to somebody else, by its name.
    fn elsewhere(&mut self, name: &str, kind: Kind) -> usize {
        let node = self.with(format!("outside.{name}"), None, kind);
        self.node(node).title = name.to_owned();
        node
    }

    /// The bucket that a domain name belongs to.
    pub fn bucket_of_domain(&self, stacks: &Stacks<'_>, stack: usize, domain: &Json) -> Option<&Bucket> {
        let pieces = stacks.pieces(stack, domain);
        let first = pieces.first()?;
        self.buckets.iter().find(|bucket| match first {
            Piece::Resource(resource) => bucket.resource.as_ref() == Some(resource),
            Piece::Text(text) => bucket.name.as_ref().is_some_and(|name| {
                text.strip_prefix(name.as_str())
                    .is_some_and(|rest| rest.starts_with(".s3"))
            }),
            Piece::Unknown => false,
        })
    }
}
