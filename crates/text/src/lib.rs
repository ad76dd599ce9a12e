//! Text as X counts it and as the project compares it. Knows no other crate of the project.
//!
//! - [`characters`]: one form for the characters of training texts, prompts and attribute values.
//! - [`tweet_text`]: weighted length and entities, the only access to twitter-text.
//! - [`normal`]: the words of a text without case, accents and punctuation: what counts as the same word.
//! - [`similarity`]: how alike two texts are.
//! - [`hashing`]: hashes that never change, and sets of them.

pub mod characters;
pub mod hashing;
pub mod normal;
pub mod similarity;
pub mod tweet_text;
