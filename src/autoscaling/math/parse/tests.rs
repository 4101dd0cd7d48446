use super::*;
use proptest::prelude::*;

/// Brackets around everything, so that precedence shows.
fn shape(term: &Term) -> String {
    let list = |terms: &[Term]| terms.iter().map(shape).collect::<Vec<_>>().join(", ");
    match &term.what {
        What::Number(number) => number.to_string(),
        What::Name(name) => name.clone(),
        What::Negative(term) => format!("(-{})", shape(term)),
        What::Operation(operator, left, right) => {
            let sign = SIGNS.iter().find(|(_, other)| other == operator).unwrap().0;
            format!("({} {sign} {})", shape(left), shape(right))
        }
        What::Call(name, terms) => format!("{name}({})", list(terms)),
    }
}

#[test]
fn operators_bind_as_usual() {
    for (text, expected) in [
        ("a+b*c", "(a + (b * c))"),
        ("a-b-c", "((a - b) - c)"),
        ("a/b/c", "((a / b) / c)"),
        ("(a+b)*c", "((a + b) * c)"),
        ("2^3^2", "(2 ^ (3 ^ 2))"),
        ("-a^2", "(-(a ^ 2))"),
        ("-a*b", "((-a) * b)"),
        ("2^-a", "(2 ^ (-a))"),
        ("a--b", "(a - (-b))"),
        ("a>1 AND b<=2 OR c==3", "(((a > 1) && (b <= 2)) || (c == 3))"),
        ("a||b&&c != 4", "(a || (b && (c != 4)))"),
        ("a + 1 >= b", "((a + 1) >= b)"),
        ("SUM(m1, m2)/.5", "(SUM(m1, m2) / 0.5)"),
        (
            "IF(running > 0, (visible + inflight) / running, visible + inflight)",
            "IF((running > 0), ((visible + inflight) / running), (visible + inflight))",
        ),
    ] {
        assert_eq!(parse(text).as_ref().map(shape), Ok(expected.to_owned()), "{text}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_position() {
    for (text, expected) in [
        ("", "the end stands where a value is missing, at character 1"),
        ("a +", "the end stands where a value is missing, at character 4"),
        ("a b", "`b` comes unexpectedly, at character 3"),
        ("(a", "the end stands where `)` is missing, at character 3"),
        ("SUM(a b)", "`b` stands where `,` or `)` is missing, at character 7"),
        ("F(a,)", "`)` stands where a value is missing, at character 5"),
        ("a + REPEAT", "`REPEAT` stands where a value is missing, at character 5"),
        ("[a]", "'[' means nothing, at character 1"),
        ("a)", "`)` comes unexpectedly, at character 2"),
        ("1.2.3", "`1.2.3` is no number, at character 1"),
        ("a + ä", "'ä' means nothing, at character 5"),
        ("a = b", "'=' means nothing, at character 3"),
        ("a(b)", "`(` comes unexpectedly, at character 2"),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), expected, "{text}");
    }
    assert!(
        parse(&format!("{}1", "9".repeat(400)))
            .unwrap_err()
            .message
            .ends_with("is no number")
    );
}

#[test]
fn deep_and_long_expressions_are_refused_before_the_stack_ends() {
    for text in [
        "(".repeat(100_000),
        "-".repeat(100_000),
        "SUM(".repeat(100_000),
        "1+".repeat(100_000),
    ] {
        assert!(
            parse(&text)
                .unwrap_err()
                .to_string()
                .starts_with("it has more than 256 terms")
        );
    }
}

#[test]
fn names_are_what_begins_in_lower_case() {
    let term = parse("IF(a > 1, SUM(2) / a, c_1)").unwrap();
    assert_eq!(term.names(), [(4, "a"), (20, "a"), (23, "c_1")]);
}

proptest! {
    #[test]
    fn no_string_makes_it_panic(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn nothing_that_looks_like_an_expression_makes_it_panic(
        text in r#"([a-c]|[A-Z]{2,4}|[0-9.]{1,3}|[-+*/^<>=!&|(),\[\]"' ]|ß| AND | OR ){0,40}"#
    ) {
        if let Err(fault) = parse(&text) {
            prop_assert!((1..=text.chars().count() + 1).contains(&fault.at));
        }
    }
}
