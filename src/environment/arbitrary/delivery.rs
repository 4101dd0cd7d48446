//! Any valid delivery.

use proptest::collection::btree_set;
use proptest::option;
use proptest::prelude::*;

use crate::environment::Delivery;

pub fn delivery() -> impl Strategy<Value = Delivery> {
    let domain = "[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?\\.[a-z]{2,6}";
    (option::of(domain), btree_set("[A-Za-z0-9][A-Za-z0-9-]{7,63}", 0..4)).prop_map(|(domain, key_groups)| Delivery {
        certificate: domain
            .is_some()
            .then(|| "arn:aws:acm:us-east-1:111122223333:certificate/6f2a-11".into()),
        domain,
        key_groups: key_groups.into_iter().collect(),
    })
}
