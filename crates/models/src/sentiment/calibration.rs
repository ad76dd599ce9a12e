//! Turns a network's logits into probabilities that mean what they say.
//!
//! A network trained to separate labels is usually overconfident, and `sentiment.min_score` is a threshold on its
//! probabilities. The map is fitted on rows that the network was not trained on and stored in its `config.json`:
//! Platt's line for one logit, a temperature for several. `pregonero_workshop::training::classifier` fits it, and
//! [`super::Classifier`] applies it.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

/// The lowest and the highest temperature that a fit yields: if every row is right there is no best one, because
/// lower is always better.
const TEMPERATURES: std::ops::RangeInclusive<f64> = 0.05..=20.0;

/// The most steps of a fit; Newton's method needs about ten.
const STEPS: usize = 200;

/// The map from logits to probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Calibration {
    /// Sigmoid or softmax of the unchanged logits.
    #[default]
    None,
    /// The same of the logits divided by `temperature` (Guo et al. 2017, "On calibration of modern neural networks").
    Temperature { temperature: f64 },
    /// The same of `slope * logit + intercept` (Platt 1999); for one logit, because among several the intercept
    /// cancels out.
    Platt { slope: f64, intercept: f64 },
}

/// Which map is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalibrationMethod {
    /// Platt's line for two labels, a temperature for more.
    #[default]
    Auto,
    /// A temperature: the likeliest label stays the likeliest, so labels that were balanced in training stay so.
    Temperature,
    /// Platt's line, which also learns how often each label occurs in the validation part.
    Platt,
}

impl CalibrationMethod {
    /// Fits the map, or returns [`Calibration::None`] if the log loss of these rows is no smaller with it.
    ///
    /// # Errors
    /// As [`Calibration::fit`]; and for Platt's line, if rows have several logits.
    pub fn fit(self, logits: &[Vec<f32>], labels: &[usize]) -> Result<Calibration> {
        let fitted = match self {
            Self::Auto => Calibration::fit(logits, labels),
            Self::Temperature => Calibration::fit_temperature(logits, labels),
            Self::Platt => Calibration::fit_platt(logits, labels),
        }?;
        let helps = fitted.log_loss(logits, labels) < Calibration::None.log_loss(logits, labels);
        Ok(if helps { fitted } else { Calibration::None })
    }
}

impl Calibration {
    /// Fits the calibration that suits the rows: Platt's for one logit, a temperature for several.
    ///
    /// # Errors
    /// If there are no rows, rows differ in length, a logit is not finite, a label does not exist, or only one label
    /// occurs.
    pub fn fit(logits: &[Vec<f32>], labels: &[usize]) -> Result<Self> {
        if logits.first().is_some_and(|row| row.len() == 1) {
            Self::fit_platt(logits, labels)
        } else {
            Self::fit_temperature(logits, labels)
        }
    }

    /// Fits the temperature with the smallest negative log-likelihood.
    ///
    /// # Errors
    /// As [`Calibration::fit`].
    pub fn fit_temperature(logits: &[Vec<f32>], labels: &[usize]) -> Result<Self> {
        check_rows(logits, labels)?;
        let rows: Vec<Vec<f64>> = logits.iter().map(|row| softmax_logits(row)).collect();
        // The likelihood is concave in the inverse temperature, so its slope changes sign once.
        let (mut low, mut high) = (1.0 / TEMPERATURES.end(), 1.0 / TEMPERATURES.start());
        let mut inverse = 1.0;
        for _ in 0..STEPS {
            let (gradient, curvature) = temperature_derivatives(&rows, labels, inverse);
            if gradient == 0.0 {
                break;
            }
            *(if gradient > 0.0 { &mut high } else { &mut low }) = inverse;
            let newton = inverse - gradient / curvature;
            let next = if newton > low && newton < high { newton } else { f64::midpoint(low, high) };
            if (next - inverse).abs() <= 1e-12 * inverse {
                break;
            }
            inverse = next;
        }
        Ok(Self::Temperature { temperature: 1.0 / inverse })
    }

    /// Fits Platt's slope and intercept with the smallest negative log-likelihood against his smoothed targets: of
    /// `n` rows of a label, a share of `1 / (n + 2)` counts as the other label, so that a best line exists even if
    /// the scores separate the labels perfectly. Uses Newton's method with backtracking (Lin, Lin and Weng 2007). The
    /// slope is never below 0: a falling line would reverse what the network says, so the best level line is returned
    /// instead.
    ///
    /// # Errors
    /// As [`Calibration::fit`]; and if rows have several logits.
    pub fn fit_platt(logits: &[Vec<f32>], labels: &[usize]) -> Result<Self> {
        check_rows(logits, labels)?;
        ensure!(logits[0].len() == 1, "Platt's calibration is for one logit, a row has {}", logits[0].len());
        let positives = labels.iter().filter(|label| **label == 1).count() as f64;
        let negatives = labels.len() as f64 - positives;
        let targets = [1.0 / (negatives + 2.0), (positives + 1.0) / (positives + 2.0)];
        let points: Vec<(f64, f64)> =
            logits.iter().zip(labels).map(|(row, &label)| (f64::from(row[0]), targets[label])).collect();
        let mean = points.iter().map(|(_, target)| target).sum::<f64>() / points.len() as f64;
        let level = Self::Platt { slope: 0.0, intercept: (mean / (1.0 - mean)).ln() };
        let mut line = Line { slope: 0.0, intercept: ((positives + 1.0) / (negatives + 1.0)).ln() };
        let mut loss = line.loss(&points);
        for _ in 0..STEPS {
            let Some((next, next_loss)) = line.newton_step(&points, loss) else { break };
            (line, loss) = (next, next_loss);
        }
        // The loss is convex: if its minimum has a slope below 0, the best slope allowed is 0.
        Ok(if line.slope > 0.0 { Self::Platt { slope: line.slope, intercept: line.intercept } } else { level })
    }

    /// Returns the probability of each label: of both labels for one logit (which is label 1's), else of one label
    /// per logit. They sum to 1.
    #[must_use]
    pub fn probabilities(&self, logits: &[f32]) -> Vec<f32> {
        let logits = self.mapped(logits);
        if let [logit] = logits[..] {
            let positive = sigmoid(logit) as f32;
            return vec![1.0 - positive, positive];
        }
        softmax(&logits).into_iter().map(|probability| probability as f32).collect()
    }

    /// Returns the logits after the map.
    fn mapped(&self, logits: &[f32]) -> Vec<f64> {
        let map = |logit: &f32| match *self {
            Self::None => f64::from(*logit),
            Self::Temperature { temperature } => f64::from(*logit) / temperature,
            Self::Platt { slope, intercept } => slope * f64::from(*logit) + intercept,
        };
        logits.iter().map(map).collect()
    }

    /// Returns the summed negative log-probability of the labels.
    fn log_loss(&self, logits: &[Vec<f32>], labels: &[usize]) -> f64 {
        let row_loss = |(row, &label): (&Vec<f32>, &usize)| {
            let mut logits = self.mapped(row);
            if logits.len() == 1 {
                logits.insert(0, 0.0);
            }
            let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            highest + logits.iter().map(|logit| (logit - highest).exp()).sum::<f64>().ln() - logits[label]
        };
        logits.iter().zip(labels).map(row_loss).sum()
    }

    /// # Errors
    /// If a parameter is not a finite number, or a temperature is not above 0.
    pub fn check(&self) -> Result<()> {
        match *self {
            Self::None => {}
            Self::Temperature { temperature } => {
                ensure!(temperature > 0.0 && temperature.is_finite(), "calibration.temperature: must be above 0");
            }
            Self::Platt { slope, intercept } => {
                ensure!(slope.is_finite() && intercept.is_finite(), "calibration: slope and intercept must be finite");
            }
        }
        Ok(())
    }
}

/// Returns the label of the highest probability, and the last one of equals, so that 0.5 for two labels counts as
/// label 1, as it does in Keras.
#[must_use]
pub fn likeliest(probabilities: &[f32]) -> usize {
    let mut best = 0;
    for (label, probability) in probabilities.iter().enumerate() {
        if *probability >= probabilities[best] {
            best = label;
        }
    }
    best
}

fn check_rows(logits: &[Vec<f32>], labels: &[usize]) -> Result<()> {
    ensure!(logits.len() == labels.len(), "{} rows of logits, {} labels", logits.len(), labels.len());
    let Some(first) = logits.first() else { anyhow::bail!("there are no rows to calibrate on") };
    ensure!(!first.is_empty(), "a row without logits");
    ensure!(logits.iter().all(|row| row.len() == first.len()), "rows have different numbers of logits");
    ensure!(logits.iter().flatten().all(|logit| logit.is_finite()), "a logit is not a finite number");
    let classes = first.len().max(2);
    ensure!(labels.iter().all(|label| *label < classes), "a label is not one of the network's {classes}");
    ensure!(labels.iter().any(|label| *label != labels[0]), "calibration needs rows of at least two labels");
    Ok(())
}

/// Treats one logit as the second of two whose first is 0.
fn softmax_logits(row: &[f32]) -> Vec<f64> {
    match row {
        [logit] => vec![0.0, f64::from(*logit)],
        _ => row.iter().copied().map(f64::from).collect(),
    }
}

/// Returns the first and second derivative of the summed negative log-likelihood by the inverse temperature.
fn temperature_derivatives(rows: &[Vec<f64>], labels: &[usize], inverse: f64) -> (f64, f64) {
    let (mut gradient, mut curvature) = (0.0, 0.0);
    for (row, &label) in rows.iter().zip(labels) {
        let scaled: Vec<f64> = row.iter().map(|logit| logit * inverse).collect();
        let probabilities = softmax(&scaled);
        let mean: f64 = probabilities.iter().zip(row).map(|(probability, logit)| probability * logit).sum();
        let spread = |(probability, logit): (&f64, &f64)| probability * (logit - mean) * (logit - mean);
        gradient += mean - row[label];
        curvature += probabilities.iter().zip(row).map(spread).sum::<f64>();
    }
    (gradient, curvature)
}

/// Platt's line while it is fitted to points of logit and target.
#[derive(Debug, Clone, Copy)]
struct Line {
    slope: f64,
    intercept: f64,
}

impl Line {
    fn at(self, logit: f64) -> f64 {
        self.slope * logit + self.intercept
    }

    /// Returns the cross-entropy with soft targets, computed without overflow.
    fn loss(self, points: &[(f64, f64)]) -> f64 {
        points
            .iter()
            .map(|&(logit, target)| {
                let value = self.at(logit);
                value.max(0.0) - value * target + (-value.abs()).exp().ln_1p()
            })
            .sum()
    }

    /// Takes a step downhill and returns it with the loss there; `None` if no further step helps.
    fn newton_step(self, points: &[(f64, f64)], loss: f64) -> Option<(Self, f64)> {
        // If all logits are equal the Hessian is singular; this much keeps it invertible and otherwise changes no
        // digit.
        const RIDGE: f64 = 1e-12;
        let (mut by_slope, mut by_intercept) = (0.0, 0.0);
        let (mut slopes, mut mixed, mut intercepts) = (RIDGE, 0.0, RIDGE);
        for &(logit, target) in points {
            let probability = sigmoid(self.at(logit));
            let (error, weight) = (probability - target, probability * (1.0 - probability));
            by_slope += error * logit;
            by_intercept += error;
            slopes += weight * logit * logit;
            mixed += weight * logit;
            intercepts += weight;
        }
        let determinant = slopes * intercepts - mixed * mixed;
        let slope = -(intercepts * by_slope - mixed * by_intercept) / determinant;
        let intercept = -(slopes * by_intercept - mixed * by_slope) / determinant;
        let descent = by_slope * slope + by_intercept * intercept;
        let mut step = 1.0;
        while step > 1e-10 {
            let next = Self { slope: self.slope + step * slope, intercept: self.intercept + step * intercept };
            let next_loss = next.loss(points);
            if next_loss < loss + 1e-4 * step * descent {
                return Some((next, next_loss));
            }
            step /= 2.0;
        }
        None
    }
}

fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let highest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials: Vec<f64> = logits.iter().map(|logit| (logit - highest).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.into_iter().map(|exponential| exponential / sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Reference {
        logits: Vec<Vec<f32>>,
        labels: Vec<usize>,
        temperature: f64,
        platt: Option<[f64; 2]>,
        calibrated: Vec<Vec<f32>>,
    }

    // tests/data/calibration/make.py: scikit-learn's LogisticRegression without penalty, scipy's minimize_scalar.
    fn references() -> Vec<Reference> {
        serde_json::from_str(include_str!("../../../../tests/data/calibration/reference.json")).unwrap()
    }

    #[test]
    fn temperatures_and_lines_are_those_of_scipy_and_scikit_learn() {
        for Reference { logits, labels, temperature, platt, calibrated } in references() {
            let Calibration::Temperature { temperature: got } = Calibration::fit_temperature(&logits, &labels).unwrap()
            else {
                panic!("no temperature")
            };
            assert!((got / temperature - 1.0).abs() < 1e-6, "{got} is not {temperature}");
            let fitted = Calibration::fit(&logits, &labels).unwrap();
            match (fitted, platt) {
                (Calibration::Platt { slope, intercept }, Some(want)) => {
                    assert!((slope - want[0]).abs() < 1e-5, "{slope} is not {}", want[0]);
                    assert!((intercept - want[1]).abs() < 1e-5, "{intercept} is not {}", want[1]);
                }
                (Calibration::Temperature { .. }, None) => {}
                other => panic!("{other:?}"),
            }
            for (row, want) in logits.iter().zip(calibrated) {
                let got = fitted.probabilities(row);
                assert!(got.iter().zip(&want).all(|(got, want)| (got - want).abs() < 1e-5), "{got:?} is not {want:?}");
            }
        }
    }

    #[test]
    fn data_without_a_best_map_still_gets_a_usable_one() {
        let rows = |logits: &[f32]| logits.iter().map(|logit| vec![*logit]).collect::<Vec<_>>();
        for logits in [[-3.0, -2.0, 2.0, 4.0], [-80.0, -90.0, 90.0, 80.0], [1.0; 4], [0.0; 4]] {
            for fitted in [
                Calibration::fit_platt(&rows(&logits), &[0, 0, 1, 1]).unwrap(),
                Calibration::fit_temperature(&rows(&logits), &[0, 0, 1, 1]).unwrap(),
            ] {
                fitted.check().unwrap();
                for logit in logits {
                    let [negative, positive] = fitted.probabilities(&[logit])[..] else { panic!("not two") };
                    assert!((negative + positive - 1.0).abs() < 1e-6, "{fitted:?}: {negative} {positive}");
                    let separable = logits[0] < logits[3];
                    assert!(!separable || (positive > 0.5) == (logit > 0.0), "{fitted:?} of {logit} is {positive}");
                }
            }
        }
        let undecided = Calibration::fit_temperature(&rows(&[0.0; 4]), &[0, 0, 1, 1]).unwrap();
        assert_eq!(undecided, Calibration::Temperature { temperature: 1.0 });
    }

    #[test]
    fn a_line_never_falls_and_a_map_that_does_not_help_is_not_taken() {
        // High logits indicate label 0 here: the best line of all would fall.
        let logits: Vec<Vec<f32>> = (0..40).map(|row| vec![row as f32 / 10.0 - 2.0]).collect();
        let against: Vec<usize> = (0..40).map(|row| usize::from(row < 24)).collect();
        let Calibration::Platt { slope, intercept } = Calibration::fit_platt(&logits, &against).unwrap() else {
            panic!("no line")
        };
        assert_eq!(slope, 0.0);
        // 24 of 40 rows have label 1: targets 25/26 and 1/18, whose mean is (24 * 25/26 + 16 / 18) / 40.
        let mean: f64 = (24.0 * 25.0 / 26.0 + 16.0 / 18.0) / 40.0;
        assert!((intercept - (mean / (1.0 - mean)).ln()).abs() < 1e-12, "{intercept}");

        // Right and confident: Platt's smoothed targets would only blur what is known.
        let sure = [vec![-6.0], vec![-7.0], vec![6.0], vec![8.0]];
        assert!(matches!(Calibration::fit_platt(&sure, &[0, 0, 1, 1]).unwrap(), Calibration::Platt { .. }));
        for method in [CalibrationMethod::Auto, CalibrationMethod::Platt] {
            assert_eq!(method.fit(&sure, &[0, 0, 1, 1]).unwrap(), Calibration::None);
        }
        // As confident, but wrong in one row of four: there it helps.
        assert!(matches!(CalibrationMethod::Auto.fit(&sure, &[0, 1, 1, 1]).unwrap(), Calibration::Platt { .. }));
    }

    #[test]
    fn faults_are_told() {
        let one = |value| vec![value];
        for (logits, labels, expected) in [
            (vec![], vec![], "no rows"),
            (vec![one(1.0)], vec![1, 0], "1 rows of logits, 2 labels"),
            (vec![one(1.0), vec![1.0, 2.0]], vec![1, 0], "different numbers"),
            (vec![one(f32::NAN), one(0.0)], vec![1, 0], "not a finite"),
            (vec![one(1.0), one(0.0)], vec![2, 0], "not one of the network's 2"),
            (vec![one(1.0), one(0.0)], vec![1, 1], "two labels"),
        ] {
            let message = Calibration::fit(&logits, &labels).unwrap_err().to_string();
            assert!(message.contains(expected), "{message:?} does not say {expected:?}");
        }
        assert!(Calibration::Temperature { temperature: 0.0 }.check().is_err());
        assert!(Calibration::Platt { slope: f64::NAN, intercept: 0.0 }.check().is_err());
    }

    #[test]
    fn a_temperature_leaves_the_likeliest_label_and_platts_line_learns_how_often_labels_occur() {
        // Three in four rows have label 1, whatever the logit.
        let logits: Vec<Vec<f32>> = (0..400).map(|row| vec![(row % 5) as f32 - 2.2]).collect();
        let labels: Vec<usize> = (0..400).map(|row| usize::from(row % 4 != 0)).collect();
        let predicted = |method: CalibrationMethod| -> Vec<usize> {
            let calibration = method.fit(&logits, &labels).unwrap();
            logits.iter().map(|row| likeliest(&calibration.probabilities(row))).collect()
        };
        let signs: Vec<usize> = logits.iter().map(|row| usize::from(row[0] >= 0.0)).collect();
        assert_eq!(predicted(CalibrationMethod::Temperature), signs);
        assert_eq!(predicted(CalibrationMethod::Platt), vec![1; 400]);
        assert_eq!(predicted(CalibrationMethod::Auto), predicted(CalibrationMethod::Platt));
        let three = [vec![1.0, 2.0, 0.5], vec![0.1, 0.3, 0.2], vec![2.0, 1.0, 0.0]];
        assert!(CalibrationMethod::Platt.fit(&three, &[0, 1, 2]).is_err());
        assert!(CalibrationMethod::Auto.fit(&three, &[0, 1, 2]).is_ok());
    }

    #[test]
    fn a_calibration_comes_back_from_json() {
        for (calibration, json) in [
            (Calibration::None, r#"{"kind":"none"}"#),
            (Calibration::Temperature { temperature: 1.5 }, r#"{"kind":"temperature","temperature":1.5}"#),
            (Calibration::Platt { slope: 0.5, intercept: -1.0 }, r#"{"kind":"platt","slope":0.5,"intercept":-1.0}"#),
        ] {
            assert_eq!(serde_json::to_string(&calibration).unwrap(), json);
            assert_eq!(serde_json::from_str::<Calibration>(json).unwrap(), calibration);
        }
    }

    #[test]
    fn of_equal_probabilities_the_last_label_counts() {
        for (probabilities, label) in
            [(&[0.5, 0.5][..], 1), (&[0.6, 0.4], 0), (&[0.2, 0.5, 0.3], 1), (&[0.4, 0.2, 0.4], 2)]
        {
            assert_eq!(likeliest(probabilities), label);
        }
    }
}
