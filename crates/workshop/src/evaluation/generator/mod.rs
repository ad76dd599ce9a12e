//! Measures a generator: what it predicts, what it writes, and whether its texts can be told from people's.

pub mod bleu;
pub mod blind_test;
pub mod candidates;
pub mod discriminator;
pub mod diversity;
pub mod ngram;
pub mod obedience;
pub mod perplexity;
pub mod report;
pub mod sampling;
pub mod sweep;
pub mod voice;
