//! The settings of a step of the training.

use crate::training::muon::MuonSettings;
use crate::training::optimizer::AdamWSettings;

/// How the factors of matrix products are rounded; everything else is f32.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Precision {
    #[default]
    F32,
    /// On a GPU, or on a CPU with AMX or AVX-512 BF16. f16 is not offered: it would need loss scaling; bf16 has f32's range.
    Bf16,
}

/// What updates the weights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OptimizerChoice {
    #[default]
    AdamW,
    /// Muon for the matrices inside the layers, AdamW for everything else.
    Muon,
}

/// The settings of Muon in a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MuonStep {
    pub settings: MuonSettings,
    /// Its learning rate as a multiple of the step's.
    pub rate: f64,
}

/// The settings of a step that do not change from step to step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepSettings {
    /// The largest norm of the gradient.
    pub clip: f64,
    /// Seed of the dropout.
    pub seed: u64,
    pub precision: Precision,
    pub optimizer: AdamWSettings,
    /// Muon for the matrices inside the layers; if absent, AdamW updates them too.
    pub muon: Option<MuonStep>,
}
