//! The networks that `--arch` names, with their default sizes.

use clap::ValueEnum;

use pregonero_models::sentiment::network::Architecture;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ArchitectureChoice {
    /// One bidirectional LSTM layer of 32 units
    BilstmSmall,
    /// VacunaBot's three LSTM layers
    Lstm,
    /// VacunaBot's four LSTM layers for lemmatised text
    LstmLemmatised,
    /// VacunaBot's three bidirectional LSTM layers
    Bilstm,
    /// VacunaBot's three bidirectional GRU layers
    Bigru,
    /// One bidirectional GRU layer of 64 units next to a linear part over n-grams
    Hybrid,
}

impl ArchitectureChoice {
    pub(super) fn settings(self) -> Architecture {
        match self {
            Self::BilstmSmall => Architecture::bilstm_small(),
            Self::Lstm => Architecture::lstm(),
            Self::LstmLemmatised => Architecture::lstm_lemmatised(),
            Self::Bilstm => Architecture::bilstm(),
            Self::Bigru => Architecture::bigru(),
            Self::Hybrid => Architecture::hybrid(),
        }
    }

    /// Returns the default number of words per row. The longest of VacunaBot's tweets had 61, or 35 when lemmatised.
    pub(super) fn steps(self) -> usize {
        match self {
            Self::BilstmSmall => 50,
            Self::Hybrid => 60,
            Self::LstmLemmatised => 35,
            Self::Lstm | Self::Bilstm | Self::Bigru => 61,
        }
    }

    /// Returns the default number of rows of the embedding.
    pub(super) fn vocabulary_size(self) -> usize {
        match self {
            Self::BilstmSmall => 10_000 + RESERVED_ROWS,
            Self::Hybrid => 30_000 + RESERVED_ROWS,
            Self::LstmLemmatised => 12_505,
            Self::Lstm | Self::Bilstm | Self::Bigru => 17_104,
        }
    }
}

/// Rows of the embedding that are not for a known word: padding and the unknown word.
pub(super) const RESERVED_ROWS: usize = 2;
