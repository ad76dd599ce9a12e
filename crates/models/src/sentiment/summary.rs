//! The table of a network's layers, as Keras prints it: name, kind, output shape, parameters.

use std::fmt;

use pregonero_text::characters::grouped;
use serde::Serialize;

/// One layer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerSummary {
    /// The prefix of its weights' names, for example `bilstm.0`.
    pub name: String,
    /// What it is, for example `BiLSTM`.
    pub kind: String,
    /// Its output's shape without the batch.
    pub output: Vec<usize>,
    pub parameters: usize,
}

/// All layers in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    pub layers: Vec<LayerSummary>,
}

impl Summary {
    /// Returns the number of trainable values in the whole network.
    #[must_use]
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|layer| layer.parameters).sum()
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<20} {:<20} {:<20} {:>12}", "layer", "kind", "output shape", "parameters")?;
        for layer in &self.layers {
            let sizes: Vec<String> = layer.output.iter().map(ToString::to_string).collect();
            let shape = format!("(None, {})", sizes.join(", "));
            let parameters = grouped(layer.parameters as u64, ',');
            writeln!(f, "{:<20} {:<20} {shape:<20} {parameters:>12}", layer.name, layer.kind)?;
        }
        write!(f, "total parameters: {}", grouped(self.parameters() as u64, ','))
    }
}
