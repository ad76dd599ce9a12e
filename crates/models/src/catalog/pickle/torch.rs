//! The names that a file of weights may refer to, and what each creates: ordered dicts, storages, tensors.

use std::collections::HashMap;

use anyhow::{Context as _, Result, bail};
use safetensors::Dtype;

use super::element_size;
use super::value::{Global, Heap, Storage, Tensor, Value};

/// The most dimensions of a tensor; no network's has more.
const MOST_DIMENSIONS: usize = 8;

/// The most bytes in a tensor's name.
const LONGEST_NAME: usize = 1024;

impl Global {
    /// # Errors
    /// If the name is not one of the few that are known.
    pub(super) fn find(module: &str, name: &str) -> Result<Self> {
        let found = match (module, name) {
            ("collections", "OrderedDict") => Some(Self::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Some(Self::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Some(Self::RebuildParameter),
            ("torch" | "torch.cuda" | "torch.storage", name) => dtype_of(name).map(Self::StorageOf),
            _ => None,
        };
        found.with_context(|| {
            format!(
                "its pickle refers to {}.{}, which is not a tensor, ordered dict, storage or plain value; none of its \
                 code was run: do not use this file",
                shown(module),
                shown(name)
            )
        })
    }

    /// Returns the result of a call.
    ///
    /// # Errors
    /// If the arguments are not those that `torch.save` writes.
    pub(super) fn call<'a>(self, heap: &mut Heap<'a>, arguments: &[Value<'a>]) -> Result<Value<'a>> {
        match (self, arguments) {
            (Self::OrderedDict, []) => Ok(Value::Dict(heap.container(Vec::new())?)),
            // As Python 2 wrote it: a list of pairs.
            (Self::OrderedDict, [Value::List(pairs)]) => ordered_dict(heap, *pairs),
            (Self::RebuildTensor, [Value::Storage(storage), offset, shape, strides, ..]) => {
                let tensor = tensor(heap, *storage, *offset, *shape, *strides)?;
                heap.tensors.push(tensor);
                Ok(Value::Tensor(heap.tensors.len() - 1))
            }
            (Self::RebuildParameter, [tensor @ Value::Tensor(_), ..]) => Ok(*tensor),
            _ => bail!("its pickle is broken: it makes a tensor or dict from something else"),
        }
    }
}

/// Shortens and escapes a name from a file for a message.
fn shown(name: &str) -> String {
    name.chars().take(60).collect::<String>().escape_debug().to_string()
}

fn ordered_dict<'a>(heap: &mut Heap<'a>, pairs: usize) -> Result<Value<'a>> {
    let mut items = Vec::new();
    for pair in heap.items(pairs) {
        match pair {
            Value::Tuple(place) | Value::List(place) if heap.items(*place).len() == 2 => {
                items.extend_from_slice(heap.items(*place));
            }
            other => bail!("its pickle is broken: {} where a name and a value are expected", other.kind()),
        }
    }
    Ok(Value::Dict(heap.container(items)?))
}

fn dtype_of(storage: &str) -> Option<Dtype> {
    Some(match storage {
        "FloatStorage" => Dtype::F32,
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::BF16,
        "DoubleStorage" => Dtype::F64,
        "LongStorage" => Dtype::I64,
        "IntStorage" => Dtype::I32,
        "ShortStorage" => Dtype::I16,
        "CharStorage" => Dtype::I8,
        "ByteStorage" | "UntypedStorage" => Dtype::U8,
        "BoolStorage" => Dtype::BOOL,
        _ => return None,
    })
}

impl<'a> Storage<'a> {
    /// Reads `("storage", class, key, device, count)`; the older format has a sixth value, which is `None` or makes
    /// the storage a part of another one: `(key, offset, count)`.
    pub(super) fn from_id(heap: &Heap<'a>, id: Value<'a>) -> Result<Self> {
        let (class, key, count, view) = match heap.tuple(id)? {
            [Value::Text("storage"), Value::Global(Global::StorageOf(dtype)), Value::Text(key), _, count] => {
                (dtype, key, count, Value::None)
            }
            [Value::Text("storage"), Value::Global(Global::StorageOf(dtype)), Value::Text(key), _, count, view] => {
                (dtype, key, count, *view)
            }
            _ => bail!("its pickle is broken: a storage described in a way that PyTorch does not use"),
        };
        let mut storage = Self { dtype: *class, key: *key, count: count.size()?, start: 0 };
        if view != Value::None {
            let [_, start, part] = heap.tuple(view)? else { bail!("its pickle is broken: a part of no storage") };
            (storage.start, storage.count) = (start.size()?, part.size()?);
        }
        Ok(storage)
    }
}

fn tensor(heap: &Heap<'_>, storage: usize, offset: Value<'_>, shape: Value<'_>, strides: Value<'_>) -> Result<Tensor> {
    let sizes = |value: Value<'_>| {
        let sizes = heap.tuple(value)?;
        if sizes.len() > MOST_DIMENSIONS {
            bail!("its pickle is broken: a tensor of {} dimensions", sizes.len());
        }
        sizes.iter().map(Value::size).collect::<Result<Vec<_>>>()
    };
    let tensor = Tensor { storage, offset: offset.size()?, shape: sizes(shape)?, strides: sizes(strides)? };
    if tensor.shape.len() != tensor.strides.len() {
        bail!("its pickle is broken: a tensor with {} sizes and {} strides", tensor.shape.len(), tensor.strides.len());
    }
    let held = &heap.storages[storage];
    match tensor.end(element_size(held.dtype)) {
        Some(end) if end <= held.count => Ok(tensor),
        _ => bail!(
            "a tensor of shape {:?}, strides {:?} and offset {} reaches beyond its storage of {} elements",
            tensor.shape,
            tensor.strides,
            tensor.offset,
            held.count
        ),
    }
}

impl Tensor {
    /// Returns one more than the largest index in the storage that the tensor reads; `None` if a number is too large.
    fn end(&self, element: usize) -> Option<usize> {
        let count = self.shape.iter().try_fold(element, |product, size| product.checked_mul(*size))?;
        if count == 0 {
            return Some(0);
        }
        let last = self
            .shape
            .iter()
            .zip(&self.strides)
            .try_fold(self.offset, |sum, (size, stride)| sum.checked_add(stride.checked_mul(size - 1)?))?;
        last.checked_add(1)
    }
}

impl<'a> Heap<'a> {
    /// Returns the tensors of a state dict with their names, in its order; plain values between them are skipped.
    ///
    /// # Errors
    /// If the value is not a dict, or has no tensors.
    pub(super) fn tensors_of(&self, value: Value<'a>) -> Result<Vec<(&'a str, &Tensor)>> {
        let Value::Dict(place) = value else {
            bail!("it contains {} where a dict of tensors is expected", value.kind());
        };
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut tensors: Vec<(&str, &Tensor)> = Vec::new();
        for pair in self.items(place).chunks_exact(2) {
            let [Value::Text(name), Value::Tensor(tensor)] = *pair else { continue };
            if name.len() > LONGEST_NAME || name == "__metadata__" {
                bail!("it contains a tensor with an impossible name, {}", shown(name));
            }
            let tensor = &self.tensors[tensor];
            // As in Python, the last value of a name counts.
            match places.get(name) {
                Some(known) => tensors[*known].1 = tensor,
                None => {
                    places.insert(name, tensors.len());
                    tensors.push((name, tensor));
                }
            }
        }
        if tensors.is_empty() {
            bail!("it contains no tensors by name{}", self.names_of(place));
        }
        Ok(tensors)
    }

    /// Returns the first names of a dict, for a person who saved something other than a state dict.
    fn names_of(&self, place: usize) -> String {
        let keys = self.items(place).iter().step_by(2);
        let names: Vec<String> = keys
            .filter_map(|key| match key {
                Value::Text(name) => Some(shown(name)),
                _ => None,
            })
            .take(4)
            .collect();
        if names.is_empty() {
            String::new()
        } else {
            format!(", only {}; save the model's state_dict", names.join(", "))
        }
    }
}
