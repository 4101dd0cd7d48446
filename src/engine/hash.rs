//! Hashes of what is deployed and of what is to be.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// The first bytes of a SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) struct Hash<const BYTES: usize>([u8; BYTES]);

impl<const BYTES: usize> fmt::Display for Hash<BYTES> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<const BYTES: usize> FromStr for Hash<BYTES> {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| ())?;
        Ok(Hash(bytes.try_into().map_err(|_| ())?))
    }
}

/// Words to hash, each with its length, so that no two lists of them come to the same.
pub(in crate::engine) struct Words(Sha256);

impl Words {
    pub(in crate::engine) fn about(what: &str) -> Words {
        Words(Sha256::new()).word(what)
    }

    pub(in crate::engine) fn word(mut self, word: &str) -> Words {
        self.0.update((word.len() as u64).to_be_bytes());
        self.0.update(word.as_bytes());
        self
    }

    pub(in crate::engine) fn flag(self, flag: bool) -> Words {
        self.word(if flag { "yes" } else { "no" })
    }

    /// Nothing, or a word.
    pub(in crate::engine) fn maybe(self, word: Option<&str>) -> Words {
        self.list(word)
    }

    pub(in crate::engine) fn list<'a>(self, words: impl IntoIterator<Item = &'a str>) -> Words {
        let words: Vec<&str> = words.into_iter().collect();
        let all = self.word(&words.len().to_string());
        words.into_iter().fold(all, Words::word)
    }

    pub(in crate::engine) fn map(self, map: &BTreeMap<String, String>) -> Words {
        self.list(map.iter().flat_map(|(key, value)| [key.as_str(), value]))
    }

    pub(in crate::engine) fn hash<const BYTES: usize>(self) -> Hash<BYTES> {
        let all = self.0.finalize();
        let mut first = [0; BYTES];
        first.iter_mut().zip(all).for_each(|(byte, of_all)| *byte = of_all);
        Hash(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_lists_of_words_come_to_the_same() {
        let hash = |words: &[&str]| Words::about("it").list(words.iter().copied()).hash::<24>();
        assert_ne!(hash(&["ab", "c"]), hash(&["a", "bc"]));
        assert_ne!(hash(&["a", ""]), hash(&["a"]));
        assert_eq!(hash(&["a"]), hash(&["a"]));
    }
}
