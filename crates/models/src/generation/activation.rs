//! The functions that GPT-2 files name between the two layers of a block's feed-forward part, with their derivatives.
//!
//! Each exists twice: as arithmetic on single values, for the forms on plain slices, and as candle operations.

use candle_core::Tensor;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use pregonero_kernels::{exp, sigmoid, tanh};

/// A function that `activation_function` of `config.json` names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Activation {
    /// GELU in its tanh form (Hendrycks and Gimpel 2016, arXiv:1606.08415), OpenAI's own.
    #[default]
    GeluTanh,
    /// GELU by the error function.
    Gelu,
    Relu,
    /// `x · sigmoid(x)`, also called swish.
    Silu,
    Tanh,
}

/// Every name that files use; the first name of a function is the one that this program writes.
const NAMES: [(&str, Activation); 11] = [
    ("gelu_new", Activation::GeluTanh),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_python_tanh", Activation::GeluTanh),
    ("gelu_fast", Activation::GeluTanh),
    ("gelu_accurate", Activation::GeluTanh),
    ("gelu", Activation::Gelu),
    ("gelu_python", Activation::Gelu),
    ("relu", Activation::Relu),
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
    ("tanh", Activation::Tanh),
];

/// Runs `$body` with `$parts` bound to the function's value and slope, once for each function, so that the compiler
/// can vectorise every loop.
macro_rules! with_parts {
    ($kind:expr, $parts:ident => $body:expr) => {
        match $kind {
            Activation::GeluTanh => {
                let $parts = gelu_tanh;
                $body
            }
            Activation::Gelu => {
                let $parts = gelu;
                $body
            }
            Activation::Relu => {
                let $parts = relu;
                $body
            }
            Activation::Silu => {
                let $parts = silu;
                $body
            }
            Activation::Tanh => {
                let $parts = tanh_and_slope;
                $body
            }
        }
    };
}

impl Activation {
    fn named(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, activation)| *activation)
    }

    fn name(self) -> &'static str {
        NAMES.iter().find(|(_, known)| *known == self).map_or("gelu_new", |(name, _)| name)
    }

    /// Computes `x = f(x)`.
    #[inline(always)]
    pub(crate) fn apply_in_place(self, x: &mut [f32]) {
        with_parts!(self, parts => x.iter_mut().for_each(|x| *x = parts(*x).0));
    }

    /// Computes `out = f(x)` and replaces `x` by the function's slope.
    #[inline(always)]
    pub(crate) fn apply_and_slope(self, x: &mut [f32], out: &mut [f32]) {
        with_parts!(self, parts => out.iter_mut().zip(x).for_each(|(out, x)| (*out, *x) = parts(*x)));
    }

    /// Applies the function as a candle operation.
    pub(crate) fn compose(self, x: &Tensor) -> candle_core::Result<Tensor> {
        match self {
            Self::GeluTanh => x.gelu(),
            Self::Gelu => x.gelu_erf(),
            Self::Relu => x.relu(),
            Self::Silu => x.silu(),
            Self::Tanh => x.tanh(),
        }
    }
}

impl Serialize for Activation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Activation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| {
            let known: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
            D::Error::custom(format!("activation_function {name:?} is not supported; these are: {}", known.join(", ")))
        })
    }
}

const GELU_SCALE: f32 = 0.797_884_6; // sqrt(2 / pi)
const GELU_CUBE: f32 = 0.044_715;

#[inline(always)]
fn gelu_tanh(x: f32) -> (f32, f32) {
    // (1 + tanh(x)) / 2 = sigmoid(2x)
    let s = sigmoid(2.0 * GELU_SCALE * (x + GELU_CUBE * x * x * x));
    let inner = 2.0 * GELU_SCALE * (1.0 + 3.0 * GELU_CUBE * x * x);
    (x * s, s + x * s * (1.0 - s) * inner)
}

/// Uses Abramowitz and Stegun 7.1.26 for the normal distribution's tail, to about 1e-7.
#[inline(always)]
fn gelu(x: f32) -> (f32, f32) {
    const DENSITY_AT_ZERO: f32 = 0.398_942_3; // 1 / sqrt(2 pi)
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let bell = exp(-z * z);
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let p = 1.061_405_4_f32;
    let p = p * t - 1.453_152;
    let p = p * t + 1.421_413_8;
    let p = p * t - 0.284_496_74;
    let p = p * t + 0.254_829_6;
    let tail = 0.5 * p * t * bell;
    let below = if x < 0.0 { tail } else { 1.0 - tail };
    (x * below, below + x * DENSITY_AT_ZERO * bell)
}

#[inline(always)]
fn relu(x: f32) -> (f32, f32) {
    if x > 0.0 { (x, 1.0) } else { (0.0, 0.0) }
}

#[inline(always)]
fn silu(x: f32) -> (f32, f32) {
    let s = sigmoid(x);
    (x * s, s + x * s * (1.0 - s))
}

#[inline(always)]
fn tanh_and_slope(x: f32) -> (f32, f32) {
    let y = tanh(x);
    (y, 1.0 - y * y)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By PyTorch 2.15 in float64, value and slope at -3, -0.7, 0, 0.4 and 2.5:
    ///
    /// ```python
    /// import torch
    /// from transformers.activations import ACT2FN
    /// for name in ["gelu_new", "gelu", "relu", "silu", "tanh"]:
    ///     x = torch.tensor([-3, -0.7, 0, 0.4, 2.5], dtype=torch.float64, requires_grad=True)
    ///     y = ACT2FN[name](x); y.sum().backward(); print(name, y.tolist(), x.grad.tolist())
    /// ```
    #[test]
    fn values_and_slopes_are_those_of_pytorch() {
        let reference = [
            (
                Activation::GeluTanh,
                [-0.0036374, -0.1694299, 0.0, 0.2621612, 2.4849157],
                [-0.0115842, 0.0236428, 0.5, 0.8026588, 1.0379516],
            ),
            (
                Activation::Gelu,
                [-0.0040497, -0.1693746, 0.0, 0.2621687, 2.4844758],
                [-0.0119456, 0.0233859, 0.5, 0.8027298, 1.0376111],
            ),
            (Activation::Relu, [0.0, 0.0, 0.0, 0.4, 2.5], [0.0, 0.0, 0.0, 1.0, 1.0]),
            (
                Activation::Silu,
                [-0.1422776, -0.2322686, 0.0, 0.2394751, 2.3103545],
                [-0.0881041, 0.1766132, 0.5, 0.694792, 1.0994011],
            ),
            (
                Activation::Tanh,
                [-0.9950548, -0.6043678, 0.0, 0.379949, 0.9866143],
                [0.009866, 0.6347396, 1.0, 0.8556388, 0.0265922],
            ),
        ];
        for (activation, values, slopes) in reference {
            let mut x = [-3.0_f32, -0.7, 0.0, 0.4, 2.5];
            let (mut out, mut in_place) = ([0.0; 5], x);
            activation.apply_in_place(&mut in_place);
            activation.apply_and_slope(&mut x, &mut out);
            assert_eq!(in_place, out, "{activation:?}");
            for index in 0..5 {
                assert!((out[index] - values[index]).abs() < 1e-6, "{activation:?}: {out:?}");
                assert!((x[index] - slopes[index]).abs() < 1e-6, "{activation:?}, slopes: {x:?}");
            }
        }
    }

    #[test]
    fn every_name_of_a_function_is_read_and_one_of_them_written() {
        for (name, activation) in NAMES {
            let read: Activation = serde_json::from_value(serde_json::json!(name)).unwrap();
            assert_eq!(read, activation, "{name}");
            let written = serde_json::to_value(activation).unwrap();
            assert_eq!(serde_json::from_value::<Activation>(written).unwrap(), activation, "{name}");
        }
        let message = serde_json::from_value::<Activation>(serde_json::json!("mish")).unwrap_err().to_string();
        assert!(message.starts_with("activation_function \"mish\" is not supported; these are: gelu_new"), "{message}");
    }
}
