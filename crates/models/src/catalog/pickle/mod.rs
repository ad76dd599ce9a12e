//! PyTorch's files of weights (`pytorch_model.bin`), read without running anything: the zip archive that `torch.save`
//! writes since 1.6, and the older stream of pickles followed by raw storages.
//!
//! A pickle is a program that may call anything. `machine` knows the few instructions that `torch.save` writes and
//! keeps plain values (`value`); `torch` knows the few names that a file of weights refers to. Anything else is refused
//! by name. `archive` finds the storages. The result is the names and places of the tensors: their bytes stay in the
//! file.

mod archive;
mod machine;
#[cfg(test)]
mod tests;
mod torch;
mod value;

use std::borrow::Cow;
use std::ops::Range;

use anyhow::{Context as _, Result, bail};
use safetensors::Dtype;

pub use self::archive::Format;

/// How many times the size of their file all tensors together may take: views may share a storage, but a small file
/// that requires all of the memory is an attack.
const MOST_GROWTH: usize = 4;

/// Allowance for files of a few bytes.
const SMALL: usize = 1 << 20;

/// The tensors of one file.
#[derive(Debug, Clone, PartialEq)]
pub struct StateDict {
    /// Which of PyTorch's two formats the file has.
    pub format: Format,
    /// Names and places, in the file's order.
    pub tensors: Vec<(String, StoredTensor)>,
}

/// Where the values of one tensor are in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTensor {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// Distances between neighbours in each dimension, in elements.
    strides: Vec<usize>,
    /// The first element, counted from the beginning of the storage.
    offset: usize,
    /// The bytes of the storage.
    storage: Range<usize>,
}

impl StateDict {
    /// Reads the names and places of all tensors of a file.
    ///
    /// # Errors
    /// If the file is not one of PyTorch's, is cut off, or refers to anything but tensors and plain values, or if its
    /// tensors do not fit into it. The message does not name the file.
    pub fn read(file: &[u8]) -> Result<Self> {
        let (format, root, heap) = archive::open(file)?;
        let named = heap.tensors_of(root.value)?;
        let mut tensors = Vec::with_capacity(named.len());
        for (name, tensor) in named {
            let storage = &heap.storages[tensor.storage];
            let range = root.places.of(storage).with_context(|| format!("the tensor {name}"))?;
            let placed = StoredTensor {
                dtype: storage.dtype,
                shape: tensor.shape.clone(),
                strides: tensor.strides.clone(),
                offset: tensor.offset,
                storage: range,
            };
            tensors.push((name.to_owned(), placed));
        }
        refuse_growth(&tensors, file.len())?;
        Ok(Self { format, tensors })
    }
}

fn refuse_growth(tensors: &[(String, StoredTensor)], file: usize) -> Result<()> {
    let total = tensors.iter().try_fold(0_usize, |sum, (_, tensor)| sum.checked_add(tensor.size()));
    match total {
        Some(total) if total <= file.saturating_mul(MOST_GROWTH).saturating_add(SMALL) => Ok(()),
        _ => bail!("its tensors would take far more memory than its {file} bytes hold; do not use this file"),
    }
}

impl StoredTensor {
    /// Returns the number of bytes of [`StoredTensor::content`].
    #[must_use]
    pub fn size(&self) -> usize {
        // `machine` refuses shapes whose product does not fit.
        self.shape.iter().product::<usize>() * element_size(self.dtype)
    }

    /// Returns the values, row-major and little-endian; copies them only if the file has them in another order.
    #[must_use]
    pub fn content<'a>(&self, file: &'a [u8]) -> Cow<'a, [u8]> {
        let element = element_size(self.dtype);
        let storage = &file[self.storage.clone()];
        if self.size() == 0 {
            return Cow::Borrowed(&[]);
        }
        if self.is_row_major() {
            return Cow::Borrowed(&storage[self.offset * element..][..self.size()]);
        }
        let mut content = Vec::with_capacity(self.size());
        let mut place = vec![0; self.shape.len()];
        let mut at = self.offset;
        for _ in 0..self.size() / element {
            content.extend_from_slice(&storage[at * element..][..element]);
            for ((index, size), stride) in place.iter_mut().zip(&self.shape).zip(&self.strides).rev() {
                *index += 1;
                at += stride;
                if *index < *size {
                    break;
                }
                at -= stride * size;
                *index = 0;
            }
        }
        Cow::Owned(content)
    }

    /// Returns a key that is the same for two tensors that are one view of one storage.
    pub(crate) fn view(&self) -> impl std::hash::Hash + Eq + use<> {
        (self.dtype.to_string(), self.storage.clone(), self.offset, self.shape.clone(), self.strides.clone())
    }

    fn is_row_major(&self) -> bool {
        let mut expected = 1;
        for (size, stride) in self.shape.iter().zip(&self.strides).rev() {
            if *size != 1 && *stride != expected {
                return false;
            }
            expected *= size;
        }
        true
    }
}

/// Returns the bytes of one element; every type that `torch` knows has whole bytes.
fn element_size(dtype: Dtype) -> usize {
    dtype.bitsize() / 8
}
