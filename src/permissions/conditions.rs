//! Conditions of a statement.

use std::collections::BTreeMap;

/// By operator, then by key: the values of which one must fit.
pub type Conditions = BTreeMap<String, BTreeMap<String, Vec<String>>>;

pub fn equals(key: &str, values: &[&str]) -> Conditions {
    of("StringEquals", key, values)
}

pub fn of(operator: &str, key: &str, values: &[&str]) -> Conditions {
    let values = values.iter().map(|value| (*value).to_owned()).collect();
    BTreeMap::from([(operator.to_owned(), BTreeMap::from([(key.to_owned(), values)]))])
}

/// Both must hold.
pub fn and(mut one: Conditions, other: Conditions) -> Conditions {
    for (operator, keys) in other {
        one.entry(operator).or_default().extend(keys);
    }
    one
}
