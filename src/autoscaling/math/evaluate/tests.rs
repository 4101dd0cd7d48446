use super::*;
use crate::autoscaling::math::parse::parse;

/// A series as AWS writes its examples: the values of the minutes from 0 on, `-` for a gap.
fn series(text: &str) -> Series {
    text.split(' ')
        .zip(0..)
        .filter_map(|(value, minute)| Some((minute, value.parse().ok()?)))
        .collect()
}

/// `a` and `b` are the series of AWS's examples of operators, `m1` to `m3` those of its examples of IF.
fn scope() -> Scope {
    let named = [
        ("a", "30 20 0 0"),
        ("b", "20 - 20 -"),
        ("m1", "1 1 0 0 -"),
        ("m2", "30 - 0 0 30"),
        ("m3", "0 0 20 - 20"),
        ("none", "- - - - -"),
    ];
    named
        .map(|(id, text)| (id.to_owned(), Value::Series(series(text))))
        .into()
}

/// What an expression comes to over the minutes 0 to 4, a number with `=` before it, or what is wrong with it.
fn result(text: &str) -> String {
    let written = |series: &Series| {
        let values = series
            .window(0..=4)
            .map(|value| value.map_or("-".to_owned(), |value| value.to_string()));
        values.collect::<Vec<_>>().join(" ")
    };
    match parse(text).and_then(|term| evaluate(&term, &scope())) {
        Ok(Value::Number(number)) => format!("= {number}"),
        Ok(Value::Series(series)) => written(&series),
        Err(fault) => fault.to_string(),
    }
}

fn table(rows: &[(&str, &str)]) {
    for (text, expected) in rows {
        assert_eq!(result(text), *expected, "{text}");
    }
}

#[test]
fn the_examples_of_operators() {
    table(&[
        ("(a < b)", "0 0 1 0 -"),
        ("(a >= 30)", "1 0 0 0 -"),
        ("(a > 15 AND b > 15)", "1 0 0 0 -"),
    ]);
}

#[test]
fn the_examples_of_if() {
    table(&[
        ("IF(m1, m2, m3)", "30 0 20 - -"),
        ("IF(m1, 5, m3)", "5 5 20 - -"),
        ("IF(m1, m2, 5)", "30 0 5 5 -"),
    ]);
}

#[test]
fn if_without_an_otherwise_filters() {
    table(&[
        ("IF(a < 20, a)", "- - 0 0 -"),
        ("IF(m1, m2)", "30 0 - - -"),
        ("IF(a < 20, 10, 2)", "2 2 10 10 -"),
        ("IF(1, m2, m3)", "30 - 0 0 30"),
        ("IF(-1, m2, m3)", "30 - 0 0 30"),
        ("IF(0, m2, m3)", "0 0 20 - 20"),
        ("IF(0, m2)", "- - - - -"),
        ("IF(1 > 2, 3, 4)", "= 4"),
        ("IF(1 / 0, m2, m3)", "- - - - -"),
    ]);
}

#[test]
fn what_one_series_misses_is_0_and_what_both_miss_is_missing() {
    table(&[
        ("a + b", "50 20 20 0 -"),
        ("b - a", "-10 -20 20 0 -"),
        ("b * 2", "40 - 40 - -"),
        ("2 - b", "-18 - -18 - -"),
        ("-b", "-20 - -20 - -"),
        ("b == b", "1 - 1 - -"),
        ("b != a", "1 1 1 0 -"),
        ("m2 OR m3", "1 0 1 0 1"),
        ("m2 && m3", "0 0 0 0 1"),
        ("none + 1", "- - - - -"),
    ]);
}

#[test]
fn a_division_by_zero_drops_the_data_point() {
    table(&[
        ("a / b", "1.5 - 0 - -"),
        ("b / a", "0.6666666666666666 0 - - -"),
        ("100 / a", "3.3333333333333335 5 - - -"),
        ("a / 0", "- - - - -"),
        // A number that isn't there makes none there.
        ("a * (1 / 0)", "- - - - -"),
        ("a > 1 / 0", "- - - - -"),
        ("(1 / 0 > 3 OR 1) + a", "- - - - -"),
        ("(0 - a) ^ 0.5", "- - 0 0 -"),
        ("a ^ 2", "900 400 0 0 -"),
        ("10 ^ 300 * a * 10 ^ 300", "- - 0 0 -"),
    ]);
}

#[test]
fn what_cannot_be_evaluated_is_named_with_its_position() {
    table(&[
        ("a + c", "`c` is no metric here, at character 5"),
        (
            "a + RATE(b)",
            "the function RATE can't be evaluated here, only IF, at character 5",
        ),
        (
            "1 + IF(a)",
            "IF takes a condition and one or two values, at character 5",
        ),
    ]);
}
