//! The values of a pickle, and what they refer to.
//!
//! Values refer to containers by number, so that no value contains another one: neither cycles nor deep nesting nor a
//! container that is referred to a million times costs more than its own bytes.

use anyhow::{Context as _, Result, bail};
use safetensors::Dtype;

/// The most values in all containers together.
const MOST_ITEMS: usize = 4_000_000;

/// The deepest nesting; a state dict with its metadata has a depth of 4.
const DEEPEST: usize = 64;

/// A function or class that a pickle may refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    StorageOf(Dtype),
}

/// A run of values in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Storage<'a> {
    pub(super) dtype: Dtype,
    /// Identifies its place in the file.
    pub(super) key: &'a str,
    /// The number of elements.
    pub(super) count: usize,
    /// Where it begins in that place; above 0 for a part of a storage.
    pub(super) start: usize,
}

/// A tensor: a view of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) storage: usize,
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    pub(super) strides: Vec<usize>,
}

/// One value. Containers, storages and tensors are numbers that index the [`Heap`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    /// A value whose content is never needed: a fraction, bytes.
    Other,
    None,
    Bool(bool),
    Integer(i64),
    /// A number beyond 64 bits, as little-endian bytes.
    Long(&'a [u8]),
    Text(&'a str),
    Tuple(usize),
    List(usize),
    /// Keys and values alternately.
    Dict(usize),
    Global(Global),
    Storage(usize),
    Tensor(usize),
}

#[derive(Debug, Default)]
struct Container<'a> {
    items: Vec<Value<'a>>,
    depth: usize,
}

/// Everything that the values of one file refer to.
#[derive(Debug, Default)]
pub(super) struct Heap<'a> {
    containers: Vec<Container<'a>>,
    /// Number of values in all containers together.
    count: usize,
    pub(super) storages: Vec<Storage<'a>>,
    pub(super) tensors: Vec<Tensor>,
}

impl<'a> Heap<'a> {
    /// Returns the values of a container.
    pub(super) fn items(&self, container: usize) -> &[Value<'a>] {
        &self.containers[container].items
    }

    /// Adds a container and returns its number.
    pub(super) fn container(&mut self, items: Vec<Value<'a>>) -> Result<usize> {
        self.containers.push(Container::default());
        let place = self.containers.len() - 1;
        self.extend(place, items)?;
        Ok(place)
    }

    pub(super) fn extend(&mut self, place: usize, items: Vec<Value<'a>>) -> Result<()> {
        let inner = items.iter().map(|item| self.depth(*item)).max().unwrap_or(0);
        self.count += items.len();
        if self.count > MOST_ITEMS {
            bail!("it contains more than {MOST_ITEMS} values; a file of weights does not");
        }
        let container = &mut self.containers[place];
        container.depth = container.depth.max(inner + 1);
        if container.depth > DEEPEST {
            bail!("its values are nested more than {DEEPEST} deep; a file of weights is not");
        }
        container.items.extend(items);
        Ok(())
    }

    fn depth(&self, value: Value<'_>) -> usize {
        match value {
            Value::Tuple(place) | Value::List(place) | Value::Dict(place) => self.containers[place].depth,
            _ => 0,
        }
    }

    /// Returns the values of a tuple.
    pub(super) fn tuple(&self, value: Value<'_>) -> Result<&[Value<'a>]> {
        match value {
            Value::Tuple(place) => Ok(self.items(place)),
            other => bail!("{} where a tuple is expected", other.kind()),
        }
    }
}

impl Value<'_> {
    /// Returns the kind of value, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Other | Self::Long(_) => "a number or bytes",
            Self::None => "None",
            Self::Bool(_) => "a truth value",
            Self::Integer(_) => "a whole number",
            Self::Text(_) => "a text",
            Self::Tuple(_) => "a tuple",
            Self::List(_) => "a list",
            Self::Dict(_) => "a dict",
            Self::Global(_) => "a function or class",
            Self::Storage(_) => "a storage",
            Self::Tensor(_) => "a tensor",
        }
    }

    /// Returns the value as a size, an offset or a count.
    pub(super) fn size(&self) -> Result<usize> {
        match self {
            Self::Integer(number) => {
                usize::try_from(*number).with_context(|| format!("{number} where a size or an offset is expected"))
            }
            other => bail!("{} where a size or an offset is expected", other.kind()),
        }
    }
}
