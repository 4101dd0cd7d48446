//! How many workers there are.

use super::{Choice, value};

pub const SIZE: Choice = Choice {
    name: "size",
    values: &[
        value("two to ten").scaling("seconds_per_message: 10"),
        value("from zero")
            .instances("min: 0\nmax: 3")
            .scaling("seconds_per_message: 0.3"),
        value("fixed").instances("min: 3\nmax: 3"),
        value("one").instances("min: 1\nmax: 1"),
        value("by hand").instances("min: 0\nmax: 5"),
        value("target said")
            .instances("min: 0\nmax: 5")
            .scaling("messages_per_instance: 10\nacceptable_latency: 2m\nmessages_at_once: 2"),
        value("office hours")
            .instances(
                "min: 1\nmax: 5\ncapacity: [{cron: '0 18 * * MON-FRI', time_zone: Europe/Berlin, min: 0, max: 0}, \
                 {cron: '0 8 * * *'}]",
            )
            .scaling("messages_per_instance: 10"),
        value("large")
            .instances("min: 100\nmax: 1000")
            .scaling("seconds_per_message: 7\nmessages_at_once: 32\nacceptable_latency: 2h"),
        value("waiting only")
            .instances("min: 1\nmax: 4")
            .scaling("seconds_per_message: 1\ncount_in_flight: false"),
    ],
};
