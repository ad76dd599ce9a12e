//! The last line of a page that a person may write into: a hash of what is above it. As long as it is right, nobody has changed the
//! page, and the program may replace it. It is a comment of HTML and of Markdown.

use std::io::{self, Write};

use sha2::{Digest as _, Sha256};

/// The beginning of the last line; the hash and [`END`] come after it.
const SEAL: &str = "\n<!-- Written by pregonero; SHA-256 of the lines above: ";
const END: &str = " -->\n";

/// Returns a text with its seal.
#[must_use]
pub fn sealed(text: &str) -> String {
    text.to_owned() + &seal_of(text.as_bytes())
}

/// Returns a text without its seal, or as it is if it has none.
#[must_use]
pub fn unsealed(text: &str) -> &str {
    text.rsplit_once(SEAL).map_or(text, |(text, _)| text)
}

/// Returns whether a text is as this program wrote it: nobody has changed it since.
#[must_use]
pub fn is_untouched(text: &str) -> bool {
    sealed(unsealed(text)) == text
}

/// Writes what `fill` puts into its writer, and the seal.
pub(super) fn write(file: &mut dyn Write, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut content = Vec::new();
    fill(&mut content)?;
    file.write_all(&content)?;
    file.write_all(seal_of(&content).as_bytes())
}

fn seal_of(content: &[u8]) -> String {
    format!("{SEAL}{:x}{END}", Sha256::digest(content))
}
