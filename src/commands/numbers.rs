//! Whole numbers on the command line. clap's own words for a bad one are those of the parser: "invalid digit found in string".

use std::ops::RangeInclusive;

/// A whole number of this range, such as `example`.
pub(super) fn whole<T: TryFrom<u64>>(
    range: RangeInclusive<u64>,
    example: u64,
) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync + 'static {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            format!(
                "a whole number from {} to {} is expected, as in {example}",
                range.start(),
                range.end()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_number_is_told_what_is_expected() {
        let parse = whole::<u16>(1..=1000, 8);
        assert_eq!((parse("1"), parse("1000")), (Ok(1), Ok(1000)));
        for bad in ["x", "", "0", "1001", "-1", "1.5", "99999999999999999999999"] {
            let why = parse(bad).expect_err("bad");
            assert_eq!(why, "a whole number from 1 to 1000 is expected, as in 8", "{bad}");
        }
        assert!(whole::<u8>(1..=1000, 8)("1000").is_err());
    }
}
