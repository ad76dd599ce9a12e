//! Tests that networks of every kind take a step of the optimiser.

use candle_core::Tensor;
use pregonero_models::sentiment::network::{Architecture, DenseSettings, Kind, Network, NetworkConfig, Pooling, Row};
use rand::SeedableRng as _;
use rand_chacha::ChaCha12Rng;

use crate::training::classifier::binary_cross_entropy;
use crate::training::optimizer::{AdamW, AdamWSettings};

/// Returns the networks of tests/data/networks-keras/make.py, with one output each.
fn networks(mask_padding: bool) -> [NetworkConfig; 3] {
    let dense = |layers| vec![DenseSettings { units: 16, dropout: 0.0 }; layers];
    let none = Architecture { embedding: 4, dropout: 0.1, spatial_dropout: 0.2, ..Architecture::lstm() };
    let network = |architecture| NetworkConfig { mask_padding, outputs: 1, ..NetworkConfig::new(11, 6, architecture) };
    let stacked = Architecture {
        kind: Kind::Bilstm,
        pooling: Pooling::Last,
        units: vec![5, 3, 2],
        dense: dense(3),
        ..none.clone()
    };
    [
        network(Architecture { units: vec![5, 3], dense: dense(1), ..none.clone() }),
        network(stacked),
        network(Architecture { kind: Kind::Bigru, units: vec![5, 3], dense: dense(1), ..none }),
    ]
}

fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn after_one_step_every_variable_has_a_gradient_and_has_moved() {
    let rows: Vec<Row> =
        (0..8).map(|row| Row::from((0..6).map(|step| (row * 5 + step * 3) % 11).collect::<Vec<u32>>())).collect();
    let labels: Vec<f32> = (0..8).map(|row| (row % 2) as f32).collect();
    for config in networks(false).into_iter().chain(networks(true)) {
        let (network, variables) = Network::new(&config, 9).unwrap();
        let before: Vec<Vec<f32>> = variables.iter().map(|(_, variable)| flat(variable)).collect();
        let logits = network.train(&rows, &mut ChaCha12Rng::seed_from_u64(4)).unwrap().squeeze(1).unwrap();
        let gradients = binary_cross_entropy(&logits, &labels, &[1.0; 8]).unwrap().backward().unwrap();
        let mut optimizer = AdamW::new(variables.clone(), AdamWSettings::default()).unwrap();
        optimizer.step(&gradients, 0.01).unwrap();
        for ((name, variable), before) in variables.iter().zip(before) {
            let gradient = flat(gradients.get(variable).unwrap());
            assert!(gradient.iter().any(|value| *value != 0.0), "{name}: gradient is zero");
            let moved = flat(variable).iter().zip(&before).any(|(after, before)| (after - before).abs() > 1e-3);
            assert!(moved, "{name} has not moved");
        }
    }
}
