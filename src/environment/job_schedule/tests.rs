use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use proptest::prelude::*;
use proptest::sample::select;

use super::*;

fn of(cron: &str) -> Option<String> {
    let schedule = JobSchedule {
        cron: cron.into(),
        time_zone: "UTC".into(),
        body: "x".into(),
    };
    schedule.expression()
}

#[test]
fn each_field_is_written_as_eventbridge_reads_it() {
    for (cron, expression) in [
        ("0 3 * * *", "cron(0 3 * * ? *)"),
        ("* * * * *", "cron(* * * * ? *)"),
        ("0 18 * * MON-FRI", "cron(0 18 ? * MON-FRI *)"),
        ("0 18 * * 1-5", "cron(0 18 ? * MON-FRI *)"),
        ("0 0 * * 0", "cron(0 0 ? * SUN *)"),
        ("0 0 * * 7", "cron(0 0 ? * SUN *)"),
        ("0 0 * * 5-7", "cron(0 0 ? * SUN,FRI,SAT *)"),
        ("0 0 * * 0-7", "cron(0 0 ? * * *)"),
        ("0 0 1,15 JAN-mar *", "cron(0 0 1,15 1-3 ? *)"),
        ("*/20 */6 * */4 *", "cron(0,20,40 0,6,12,18 * 1,5,9 ? *)"),
        ("5/25 8-18/5 * * 1/2", "cron(5,30,55 8,13,18 ? * SUN,MON,WED,FRI *)"),
    ] {
        assert_eq!(of(cron).as_deref(), Some(expression), "{cron}");
    }
    for none in [
        "0 3 1 * MON",
        "0 3 */2 * MON",
        "0 3 1-31 * MON",
        "0 3 * *",
        "0 24 * * *",
    ] {
        assert_eq!(of(none), None, "{none}");
    }
}

#[test]
fn the_longest_fits_into_what_eventbridge_takes() {
    // Every other value, and no two of them together.
    let odd = of("1/2 1/2 1/2 1/2 *").expect("an expression");
    assert!(odd.len() <= 256, "{odd}");
}

/// Whether EventBridge would send at that time, by its own table of fields
/// (<https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html>): days of the week are 1 to 7 from Sunday.
fn sends(expression: &str, at: &Zoned) -> bool {
    let fields = expression.strip_prefix("cron(").and_then(|rest| rest.strip_suffix(')'));
    let fields: Vec<&str> = fields.expect("cron(…)").split(' ').collect();
    let [minute, hour, day, month, weekday, "*"] = fields[..] else {
        panic!("six fields, and any year: {expression}");
    };
    assert_eq!(
        [day, weekday].iter().filter(|field| **field == "?").count(),
        1,
        "one of the two kinds of days is any: {expression}"
    );
    let has = |field: &str, value: i8| field == "*" || field == "?" || field.split(',').any(|item| within(item, value));
    has(minute, at.minute())
        && has(hour, at.hour())
        && has(day, at.day())
        && has(month, at.month())
        && has(weekday, at.weekday().to_sunday_one_offset())
}

fn within(item: &str, value: i8) -> bool {
    let number = |text: &str| match text {
        "SUN" => 1,
        "MON" => 2,
        "TUE" => 3,
        "WED" => 4,
        "THU" => 5,
        "FRI" => 6,
        "SAT" => 7,
        digits => digits.parse::<i8>().expect("a number"),
    };
    match item.split_once('-') {
        Some((first, last)) => (number(first)..=number(last)).contains(&value),
        None => number(item) == value,
    }
}

fn field(first: u8, last: u8, names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let value = move || {
        let numbers = (first..=last).prop_map(|value| value.to_string());
        match names.is_empty() {
            true => numbers.boxed(),
            false => prop_oneof![numbers, select(names).prop_map(str::to_owned)].boxed(),
        }
    };
    let item = prop_oneof![
        3 => value(),
        1 => Just("*".to_owned()),
        2 => (first..=last, first..=last).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (1..=last).prop_map(|step| format!("*/{step}")),
        1 => (first..=last, 1..=last).prop_map(|(from, step)| format!("{from}/{step}")),
        1 => (first..=last, first..=last, 1..=last)
            .prop_map(|(a, b, step)| format!("{}-{}/{step}", a.min(b), a.max(b))),
    ];
    prop_oneof![
        2 => Just("*".to_owned()),
        3 => proptest::collection::vec(item, 1..4).prop_map(|items| items.join(",")),
    ]
}

proptest! {
    /// Cron's own next times, and any others.
    #[test]
    fn eventbridge_sends_when_cron_comes(
        (minute, hour) in (field(0, 59, &[]), field(0, 23, &[])),
        month in field(1, 12, &["JAN", "Feb", "dec"]),
        days in prop_oneof![
            field(1, 31, &[]).prop_map(|day| (day, "*".to_owned())),
            field(0, 7, &["SUN", "Mon", "sat"]).prop_map(|weekday| ("*".to_owned(), weekday)),
        ],
        others in proptest::collection::vec(0..3_000_000_i64, 100),
    ) {
        let cron = format!("{minute} {hour} {} {month} {}", days.0, days.1);
        let parsed = cronexpr::parse_crontab(&format!("{cron} UTC"));
        prop_assume!(parsed.is_ok());
        let parsed = parsed.expect("it was");
        let expression = of(&cron).ok_or_else(|| TestCaseError::fail(format!("none of {cron}")))?;
        let start = 1_798_761_600_i64;
        let next = parsed.iter_after(cronexpr::MakeTimestamp::from_second(start).expect("a time")).expect("times");
        let next: Vec<i64> = next.take(4).map_while(Result::ok).map(|at| at.timestamp().as_second()).collect();
        let near = next.iter().flat_map(|at| [0, -60, 60, -3600, 3600, -86400, 86400, 31 * 86400].map(|by| at + by));
        let any = others.iter().map(|minute| start + minute * 60);
        for second in near.chain(any) {
            let at = Timestamp::from_second(second).expect("a time");
            let comes = parsed.matches(cronexpr::MakeTimestamp::from_second(second).expect("a time")).expect("an answer");
            prop_assert_eq!(sends(&expression, &at.to_zoned(TimeZone::UTC)), comes, "{} as {} at {}", cron, expression, at);
        }
        for second in next {
            let at = Timestamp::from_second(second).expect("a time");
            prop_assert!(sends(&expression, &at.to_zoned(TimeZone::UTC)), "{} as {} at {}", cron, expression, at);
        }
    }
}
