//! The page's two languages.

use pregonero_text::characters::grouped;
use serde::Serialize;

/// The language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Language {
    #[serde(rename = "es")]
    Spanish,
    #[serde(rename = "en")]
    English,
}

impl Language {
    /// Returns the text in this language.
    #[must_use]
    pub fn t<T>(self, spanish: T, english: T) -> T {
        match self {
            Self::Spanish => spanish,
            Self::English => english,
        }
    }

    /// Returns the language's code, for `lang`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.t("es", "en")
    }

    /// Returns the word that numbered accounts are called by.
    #[must_use]
    pub fn account(self) -> &'static str {
        self.t("cuenta", "account")
    }

    /// Returns a whole number with its thousands apart: `12.345` or `12,345`.
    pub(super) fn whole(self, number: u64) -> String {
        match self {
            // Spanish writes four digits without a sign between them.
            Self::Spanish if number < 10_000 => number.to_string(),
            _ => grouped(number, self.t('.', ',')),
        }
    }

    /// Returns posts with their number: `1 post`, `2 posts`.
    pub(super) fn posts(self, number: u64) -> String {
        self.counted(number, ["publicación", "publicaciones"], ["post", "posts"])
    }

    /// Returns a number with the noun that fits it; of each language, the word for one and for several.
    pub(super) fn counted(self, number: u64, spanish: [&str; 2], english: [&str; 2]) -> String {
        let word = self.t(spanish, english)[usize::from(number != 1)];
        format!("{} {word}", self.whole(number))
    }

    /// Returns a number with decimals: `0,25` or `0.25`.
    pub(super) fn real(self, number: f64, decimals: usize) -> String {
        let shown = format!("{number:.decimals$}");
        self.t(shown.replace('.', ","), shown)
    }

    /// Returns a share in percent.
    pub(super) fn percent(self, part: u64, all: u64) -> String {
        let share = if all == 0 { 0.0 } else { 100.0 * part as f64 / all as f64 };
        let decimals = usize::from(share < 10.0 && part > 0);
        format!("{}\u{a0}%", self.real(share, decimals))
    }

    /// Returns the days of the week, Monday first.
    pub(super) fn weekdays(self) -> [&'static str; 7] {
        self.t(["lu", "ma", "mi", "ju", "vi", "sá", "do"], ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_language_does() {
        for (number, spanish, english) in
            [(7, "7", "7"), (4321, "4321", "4,321"), (1_234_567, "1.234.567", "1,234,567")]
        {
            assert_eq!(
                (Language::Spanish.whole(number), Language::English.whole(number)),
                (spanish.into(), english.into())
            );
        }
        let posts = |number| (Language::Spanish.posts(number), Language::English.posts(number));
        assert_eq!(posts(0), ("0 publicaciones".into(), "0 posts".into()));
        assert_eq!(posts(1), ("1 publicación".into(), "1 post".into()));
        assert_eq!(posts(12_345), ("12.345 publicaciones".into(), "12,345 posts".into()));
        assert_eq!(Language::Spanish.percent(1, 32), "3,1\u{a0}%");
        assert_eq!(
            (Language::English.percent(1, 2), Language::English.percent(0, 0)),
            ("50\u{a0}%".into(), "0\u{a0}%".into())
        );
    }
}
