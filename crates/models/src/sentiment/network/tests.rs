//! The networks compared with Keras's numbers, and properties that all of them must have.

use super::*;
use crate::sentiment::ngrams::NgramSettings;
use crate::sentiment::subwords::SubwordHasher;

/// Returns the networks of tests/data/networks-keras/make.py.
fn networks(mask_padding: bool) -> [NetworkConfig; 3] {
    let dense = |units: &[usize]| units.iter().map(|&units| DenseSettings { units, dropout: 0.0 }).collect();
    let none = Architecture { embedding: 4, dropout: 0.0, spatial_dropout: 0.0, ..Architecture::lstm() };
    let network =
        |architecture, outputs| NetworkConfig { mask_padding, outputs, ..NetworkConfig::new(11, 6, architecture) };
    [
        network(Architecture { units: vec![5, 3], dense: dense(&[4]), ..none.clone() }, 1),
        network(
            Architecture {
                kind: Kind::Bilstm,
                pooling: Pooling::Last,
                units: vec![5, 3, 2],
                dense: dense(&[6, 4, 3]),
                ..none.clone()
            },
            1,
        ),
        network(Architecture { kind: Kind::Bigru, units: vec![5, 3], dense: dense(&[4]), ..none }, 3),
    ]
}

fn flat(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_dtype(DType::F32).unwrap().to_vec1().unwrap()
}

/// Returns the largest difference between two lists of the same length.
fn distance(left: &[f32], right: &[f32]) -> f32 {
    assert_eq!(left.len(), right.len());
    left.iter().zip(right).map(|(left, right)| (left - right).abs()).fold(0.0, f32::max)
}

fn random() -> ChaCha12Rng {
    ChaCha12Rng::seed_from_u64(4)
}

// tests/data/networks-keras/make.py wrote the weights, the rows and Keras's numbers.
#[test]
fn outputs_and_gradients_are_those_of_keras_with_and_without_masking() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/networks-keras/reference.safetensors");
    let reference = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    let rows: Vec<Vec<u32>> = reference["ids"].to_dtype(DType::U32).unwrap().to_vec2().unwrap();
    let rows: Vec<Row> = rows.into_iter().map(Row::from).collect();
    let mut compared = 0;
    for config in networks(false).into_iter().chain(networks(true)) {
        let kind = config.architecture.kind.name();
        let case = format!("{kind}.{}", if config.mask_padding { "masked" } else { "plain" });
        let (network, variables) = Network::new(&config, 0).unwrap();
        for (name, variable) in &variables {
            variable.set(&reference[&format!("{kind}.weight.{name}")]).unwrap();
        }
        let logits = network.train(&rows, &mut random()).unwrap();
        assert_eq!(logits.dims(), [rows.len(), config.outputs]);
        let want = flat(&reference[&format!("{case}.logits")]);
        assert!(distance(&flat(&logits), &want) < 1e-5, "{case}: {logits} is not {want:?}");
        assert!(distance(&flat(&network.score(&rows).unwrap()), &want) < 1e-5, "{case}: scored otherwise than trained");

        let loss = (logits * &reference[&format!("{kind}.weighting")]).unwrap().sum_all().unwrap();
        let gradients = loss.backward().unwrap();
        for (name, variable) in &variables {
            let want = flat(&reference[&format!("{case}.gradient.{name}")]);
            let got = flat(gradients.get(variable).unwrap());
            assert!(distance(&got, &want) < 1e-4, "{case} {name}: {got:?} is not {want:?}");
            compared += 1;
        }
    }
    assert_eq!(compared, 2 * (11 + 27 + 21));
}

#[test]
fn a_row_scores_the_same_to_the_bit_alone_and_in_any_company() {
    let rows: Vec<Row> = (0..37u32)
        .map(|row| Row {
            ids: (0..6).map(|step| if step < row % 7 { 0 } else { (row * 5 + step * 3) % 11 }).collect(),
            ngrams: (0..row % 5).map(|ngram| (ngram * 3 + row % 4, 0.5)).collect(),
        })
        .collect();
    for mut config in networks(false).into_iter().chain(networks(true)) {
        config.architecture.units = vec![64, 40];
        config.architecture.dense.iter_mut().for_each(|dense| dense.units = 16);
        if config.architecture.kind != Kind::Lstm {
            config.architecture.units.push(7);
        }
        let (network, _) = Network::new(&config, 3).unwrap();
        let together: Vec<Vec<f32>> = network.score(&rows).unwrap().to_vec2().unwrap();
        for (row, together) in rows.iter().zip(&together) {
            assert_eq!(flat(&network.score(std::slice::from_ref(row)).unwrap()), *together, "{row:?}");
        }
        let distinct: std::collections::HashSet<String> = together.iter().map(|row| format!("{row:?}")).collect();
        assert!(distinct.len() > 20, "the rows do not differ");
    }
}

#[test]
fn the_linear_part_is_added_to_the_logits_and_learns() {
    let [_, _, mut config] = networks(true);
    let plain = Network::new(&config, 3).unwrap().0;
    let pieces = SubwordHasher::new(3, 4, 30).unwrap();
    config.architecture.ngrams = Some(NgramSettings { word_buckets: 20, pieces, dropout: 0.0, scale: 2.0 });
    let (network, variables) = Network::new(&config, 3).unwrap();
    let (name, weights) = variables.last().unwrap();
    assert_eq!((name.as_str(), weights.dims()), (NGRAMS, &[50, 3][..]));
    weights.set(&Tensor::arange(0f32, 150.0, &Device::Cpu).unwrap().reshape((50, 3)).unwrap()).unwrap();
    let row = Row { ids: vec![0, 0, 3, 1, 4, 2], ngrams: vec![(2, 0.5), (49, -1.0)] };
    let got = flat(&network.score(std::slice::from_ref(&row)).unwrap());
    let want: Vec<f32> = flat(&plain.score(std::slice::from_ref(&row)).unwrap())
        .into_iter()
        .zip([3.0 - 147.0, 3.5 - 148.0, 4.0 - 149.0])
        .map(|(logit, linear)| logit + linear)
        .collect();
    assert!(distance(&got, &want) < 1e-4, "{got:?} is not {want:?}");

    let loss = network.train(&[row], &mut random()).unwrap().sqr().unwrap().sum_all().unwrap();
    let gradients = loss.backward().unwrap();
    let gradient: Vec<Vec<f32>> = gradients.get(weights).unwrap().to_vec2().unwrap();
    let moved: Vec<usize> = (0..50).filter(|&bucket| gradient[bucket].iter().any(|value| *value != 0.0)).collect();
    assert_eq!(moved, [2, 49]);
    assert!((gradient[49][0] + 2.0 * got[0]).abs() < 1e-2, "{} {}", gradient[49][0], got[0]);
}

#[test]
fn n_grams_that_a_training_row_loses_are_made_up_for_by_the_others() {
    let [config, _, _] = networks(true);
    let mut config = config;
    let pieces = SubwordHasher::new(3, 4, 1000).unwrap();
    config.architecture.ngrams = Some(NgramSettings { word_buckets: 1000, pieces, dropout: 0.5, scale: 1.0 });
    let (network, variables) = Network::new(&config, 3).unwrap();
    variables.last().unwrap().1.set(&Tensor::ones((2000, 1), DType::F32, &Device::Cpu).unwrap()).unwrap();
    let row = Row { ids: vec![1; 6], ngrams: (0..2000).map(|bucket| (bucket, 0.01)).collect() };
    let scored = flat(&network.score(std::slice::from_ref(&row)).unwrap())[0];
    let trained = flat(&network.train(&[row], &mut random()).unwrap())[0];
    assert!((scored - trained).abs() < 2.0 && scored != trained, "{scored} {trained}");
}

#[test]
fn masked_padding_changes_no_score_however_much_there_is_and_on_which_side() {
    let words = [3u32, 7, 1, 9];
    let padded = |left: usize, right: usize| -> Vec<u32> {
        [vec![PADDING; left], words.to_vec(), vec![PADDING; right]].concat()
    };
    for config in networks(true) {
        let (_, variables) = Network::new(&config, 3).unwrap();
        let tensors = variables.iter().map(|(name, variable)| (name.clone(), variable.as_tensor().clone())).collect();
        let score = |row: Vec<u32>| {
            let config = NetworkConfig { steps: row.len(), ..config.clone() };
            flat(&Network::from_tensors(&config, &tensors).unwrap().score(&[row.into()]).unwrap())
        };
        let want = score(padded(0, 0));
        for (left, right) in [(2, 0), (0, 2), (5, 9), (40, 0)] {
            assert_eq!(score(padded(left, right)), want, "{left} before, {right} after");
        }
        let unmasked = NetworkConfig { steps: 6, mask_padding: false, ..config.clone() };
        let unmasked = Network::from_tensors(&unmasked, &tensors).unwrap().score(&[padded(2, 0).into()]).unwrap();
        assert_ne!(flat(&unmasked), want);
    }
}

#[test]
fn weights_that_do_not_fit_the_configuration_are_refused_by_name() {
    let [_, config, _] = networks(false);
    let (_, variables) = Network::new(&config, 0).unwrap();
    let tensors: HashMap<String, Tensor> =
        variables.iter().map(|(name, variable)| (name.clone(), variable.as_detached_tensor())).collect();
    assert!(Network::from_tensors(&config, &tensors).is_ok());
    let larger = NetworkConfig { vocabulary_size: 12, ..config.clone() };
    let message = Network::from_tensors(&larger, &tensors).unwrap_err().to_string();
    assert_eq!(message, "embedding.weight has shape [11, 4], but config.json asks for [12, 4]");
    let mut fewer = tensors.clone();
    fewer.remove("output.bias");
    assert_eq!(Network::from_tensors(&config, &fewer).unwrap_err().to_string(), "no tensor output.bias");
    let mut more = tensors;
    more.insert("extra".to_owned(), Tensor::new(&[1f32], &Device::Cpu).unwrap());
    assert!(Network::from_tensors(&config, &more).is_err());
}

#[test]
fn rows_of_another_length_and_unknown_ids_are_refused() {
    let [config, _, _] = networks(false);
    let (network, _) = Network::new(&config, 0).unwrap();
    let message = |rows: &[Row]| network.score(rows).unwrap_err().to_string();
    assert_eq!(message(&[]), "there are no rows to score");
    assert_eq!(message(&[vec![1; 5].into()]), "a row has 5 ids, but the network reads 6");
    assert_eq!(message(&[vec![11; 6].into()]), "id 11 has no embedding: there are only 11");
}
