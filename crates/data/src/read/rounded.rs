//! Ids that a table rounded: a spreadsheet keeps fifteen digits of a number, and a float sixteen or seventeen.
//!
//! One id says it by itself only where it has the form of a float or a long row of zeros. Of ids as X gives them, one in ten thousand
//! ends in four zeros: those say something only where a file has several of them.

/// From this many digits on, a float rounds an id.
pub(super) const EXACT_DIGITS: usize = 16;

/// So many zeros at the end of a long id are no chance: one in a hundred million ids has them.
const SURE: usize = 8;

/// Returns whether an id was rounded for sure: it has the form of a float, `1.23E+18` or `1234567890123456789.0`, also with the comma that
/// Spanish spreadsheets write, or it is long and ends in eight zeros.
#[must_use]
pub fn is_rounded(text: &str) -> bool {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.len() >= EXACT_DIGITS && text.bytes().rev().take_while(|byte| *byte == b'0').count() >= SURE;
    }
    let text = text.replace(',', ".");
    let exponent = text.contains(['e', 'E'])
        && text.starts_with(|first: char| first.is_ascii_digit())
        && text.parse::<f64>().is_ok();
    exponent
        || text
            .strip_suffix(".0")
            .is_some_and(|whole| whole.len() >= EXACT_DIGITS && whole.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What the ids of a file say together: whether those that end in four zeros were rounded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RoundedIds {
    long: u64,
    zeros: u64,
    /// The same, one that ends in six zeros twice.
    weight: u64,
}

impl RoundedIds {
    /// Returns whether an id looks rounded, which it may be by chance.
    #[must_use]
    pub fn looks_rounded(id: &str) -> bool {
        let id = id.trim();
        id.len() >= EXACT_DIGITS && id.ends_with("0000") && id.bytes().all(|byte| byte.is_ascii_digit())
    }

    /// Counts an id; what is none, or was rounded for sure, says nothing about the others.
    pub fn see(&mut self, id: &str) {
        let id = id.trim();
        if id.len() >= EXACT_DIGITS && id.bytes().all(|byte| byte.is_ascii_digit()) {
            self.long += 1;
            self.zeros += u64::from(Self::looks_rounded(id));
            self.weight += u64::from(Self::looks_rounded(id)) + u64::from(id.ends_with("000000"));
        }
    }

    /// Returns whether the ids that look rounded are: several, or one that ends in six zeros, and more than one of fifty.
    #[must_use]
    pub fn are_rounded(self) -> bool {
        self.weight > 1 && self.weight * 50 > self.long
    }

    /// Says that they are, if they are.
    #[must_use]
    pub fn in_words(self) -> Option<String> {
        self.are_rounded().then(|| {
            format!(
                "{} of {} long ids end in 0000: a spreadsheet rounded them, and they name no tweet; get the file again with the ids as text",
                self.zeros, self.long
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_ends_in_zeros_by_chance_is_told_apart_from_a_file_of_rounded_ones() {
        for (id, sure, looks) in [
            ("1372934055187263488", false, false),
            ("1372934055187260000", false, true),
            ("1372930000000000000", true, true),
            ("10000", false, false),
            ("1.37293E+18", true, false),
            ("1,37293E+18", true, false),
            ("1372934055187263488.0", true, false),
            ("abc", false, false),
        ] {
            assert_eq!((is_rounded(id), RoundedIds::looks_rounded(id)), (sure, looks), "{id}");
        }
        let rounded = |zeros: u64, others: u64| {
            let mut ids = RoundedIds::default();
            (0..zeros).for_each(|_| ids.see("1372934055187260000"));
            (0..others).for_each(|_| ids.see("1372934055187263488"));
            ids.are_rounded()
        };
        assert!(!rounded(1, 0) && !rounded(1, 9999) && !rounded(20, 200_000));
        let mut six = RoundedIds::default();
        six.see("1445880548472000000");
        assert!(six.are_rounded());
        assert!(rounded(2, 0) && rounded(3, 100) && rounded(5000, 5000));
    }
}
