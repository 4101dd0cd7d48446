//! Causes of scaling activities, made short: Auto Scaling's own have up to 400 characters.

use super::calls;

/// How wide one may be that isn't shown in a terminal.
const WIDTH: usize = 100;

/// What happened and what came of it, in one line of so many columns. As a whole with `-v`.
pub(super) fn short(cause: &str, width: Option<usize>) -> String {
    if calls::are_shown() {
        return cause.to_owned();
    }
    squeezed(&without_times(cause), width.unwrap_or(WIDTH).max(1))
}

/// Auto Scaling begins each sentence of a cause with "At 2026-01-02T10:00:00Z "; the activity's time is shown already.
pub(super) fn without_times(cause: &str) -> String {
    let sentences = cause
        .split("At 2")
        .enumerate()
        .map(|(n, part)| match part.split_once("Z ") {
            Some((time, said)) if n > 0 && time.len() == "026-01-02T10:00:00".len() => said.to_owned(),
            _ if n > 0 => format!("At 2{part}"),
            _ => part.to_owned(),
        });
    sentences
        .map(|said| said.trim().to_owned())
        .collect::<Vec<_>>()
        .join(" ")
        .trim()
        .to_owned()
}

/// The first sentence in one row, without its middle: causes begin with what happened and end with what came of it, and
/// between them stand the long names of alarms and policies.
pub(super) fn squeezed(text: &str, width: usize) -> String {
    const BEGINNING: usize = 3;
    let sentence = text.split_inclusive(". ").next().unwrap_or(text).trim_end();
    if textwrap::core::display_width(sentence) <= width {
        return sentence.to_owned();
    }
    let words: Vec<&str> = sentence.split(' ').collect();
    let (first, rest) = words.split_at(words.len().min(BEGINNING));
    let mut squeezed = format!("{} …", first.join(" "));
    let mut end = String::new();
    for word in rest.iter().rev() {
        let longer = format!(" {word}{end}");
        if textwrap::core::display_width(&squeezed) + textwrap::core::display_width(&longer) > width {
            break;
        }
        end = longer;
    }
    squeezed += &end;
    // Less than three words fit, or none after them.
    match textwrap::core::display_width(&squeezed) <= width && !end.is_empty() {
        true => squeezed,
        false => sentence.chars().take(width - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_lose_their_times_and_nothing_else() {
        let cause = "At 2026-05-15T06:35:52Z a user request changed the desired capacity from 0 to 4.  \
                     At 2026-05-15T06:35:55Z an instance was started in response to it.";
        assert_eq!(
            without_times(cause),
            "a user request changed the desired capacity from 0 to 4. an instance was started in response to it."
        );
        for plain in [
            "",
            "no time",
            "At 2 o'clock it was",
            "Z At 2Z x",
            "At 2026-05-15T06:35:52Z",
        ] {
            assert_eq!(without_times(plain), plain);
        }
    }

    #[test]
    fn a_short_cause_is_one_line_whatever_it_was() {
        let cause = "At 2026-05-15T06:35:52Z a monitor alarm TargetTracking-photo-lab-move-Group-A88C22-AlarmHigh-1 in state ALARM \
                     triggered policy photo-lab-move-BacklogScaling-35F45 changing the desired capacity from 2 to 4.  \
                     At 2026-05-15T06:35:55Z an instance was started in response to a difference between desired and actual \
                     capacity, increasing the capacity from 2 to 4.";
        assert_eq!(
            short(cause, Some(71)),
            "a monitor alarm … changing the desired capacity from 2 to 4."
        );
        assert!(short(cause, None).chars().count() <= WIDTH);
        assert_eq!(short("", None), "");
    }
}
