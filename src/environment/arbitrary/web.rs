//! Any valid web tier.

use proptest::prelude::*;
use proptest::sample::select;

use super::stage::instances;
use crate::environment::units::Duration;
use crate::environment::{Web, Zones};

pub fn web() -> impl Strategy<Value = Web> {
    (
        instances(),
        1024..=65535_u32,
        any::<bool>(),
        0..3_usize,
        select(vec!["/", "/health", "/a.b/c_d-e~f"]),
        1..=1_000_000_u32,
    )
        .prop_map(|(mut instances, port, private, feeds, health, requests_per_instance)| {
            instances.program.get_or_insert("../page".into());
            instances.settings = None;
            instances.start_timeout = instances.start_timeout.max(Duration::minutes(2));
            instances.min = instances.min.max(1);
            instances.max = instances.max.max(instances.min);
            instances.capacity.clear();
            if let Some(Zones::Named(_)) = instances.zones {
                instances.zones = None;
            }
            let in_vpc = instances.vpc.is_some();
            if in_vpc && !private {
                instances.subnets = Some(vec!["subnet-01234567".into(), "subnet-76543210".into()]);
            }
            Web {
                instances,
                port,
                health: health.into(),
                certificate: private.then(|| "arn:aws:acm:us-east-2:111122223333:certificate/6f2a-11".into()),
                feeds: (0..feeds).map(|i| format!("s{i}")).collect(),
                clients: if private {
                    vec!["203.0.113.0/24".into()]
                } else {
                    Vec::new()
                },
                subnets: (in_vpc && private).then(|| vec!["subnet-0123456a".into(), "subnet-0123456b".into()]),
                requests_per_instance,
            }
        })
}
