//! Instance ids: the emulator's own where it has made some, so that what it lists is what runs.

use std::collections::BTreeSet;

/// Hands out ids, each once.
#[derive(Debug, Default)]
pub(super) struct Ids {
    offered: Vec<String>,
    used: BTreeSet<String>,
}

impl Ids {
    /// Never to be handed out (again).
    pub fn retire(&mut self, id: &str) {
        self.used.insert(id.to_owned());
    }

    /// The emulator lists these.
    pub fn offer(&mut self, ids: &[String]) {
        self.offered = ids.to_vec();
    }

    /// An id that none has had.
    pub fn next(&mut self) -> String {
        let unclaimed = self.offered.iter().find(|id| !self.used.contains(*id)).cloned();
        let id = unclaimed.unwrap_or_else(|| {
            let digits = uuid::Uuid::new_v4().simple().to_string();
            format!("i-{}", &digits[..17])
        });
        self.used.insert(id.clone());
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_emulators_ids_come_first_and_none_comes_twice() {
        let mut ids = Ids::default();
        ids.retire("i-old");
        ids.offer(&["i-old".into(), "i-one".into()]);
        assert_eq!(ids.next(), "i-one");
        let own = ids.next();
        assert!(own.len() == 19 && own.starts_with("i-"), "{own}");
        assert_ne!(ids.next(), own);
    }
}
