//! Where the pickle and the storages are in a file: in a zip archive whose entries are stored uncompressed, or one
//! after another following a stream of pickles.

use std::collections::HashMap;
use std::io::Cursor;
use std::ops::Range;

use anyhow::{Context as _, Result, anyhow, bail};
use serde::{Deserialize, Serialize};
use zip::{CompressionMethod, ZipArchive};

use super::element_size;
use super::machine;
use super::value::{Heap, Storage, Value};

/// The number that begins a stream of pickles, little-endian.
const MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];

/// The only version of the stream that exists.
const STREAM_VERSION: i64 = 1001;

/// The message for a file whose numbers have the opposite byte order.
const BIG_ENDIAN: &str = "was written on a big-endian machine; load it there and save it with safetensors";

/// The PyTorch format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A zip archive, since PyTorch 1.6.
    Zip,
    /// A stream of pickles and storages, before 1.6.
    Stream,
}

impl Format {
    /// Returns the format's name for messages.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Zip => "PyTorch's zip format",
            Self::Stream => "PyTorch's format before 1.6",
        }
    }
}

/// The content of the pickle, and the places of its storages.
pub(super) struct Root<'a> {
    pub(super) value: Value<'a>,
    pub(super) places: Places,
}

/// The bytes of every storage by its key.
pub(super) struct Places(HashMap<String, Range<usize>>);

impl Places {
    /// Returns the place of a storage's bytes in the file.
    ///
    /// # Errors
    /// If the storage is missing or needs more bytes than the file has of it.
    pub(super) fn of(&self, storage: &Storage<'_>) -> Result<Range<usize>> {
        let whole = self.0.get(storage.key).context("its storage is missing in the file")?;
        let element = element_size(storage.dtype);
        let bytes = |count: usize| count.checked_mul(element);
        let range = bytes(storage.start).zip(bytes(storage.count)).and_then(|(start, size)| {
            let start = whole.start.checked_add(start)?;
            Some(start..start.checked_add(size)?)
        });
        range.filter(|range| range.end <= whole.end).with_context(|| {
            format!("its storage would have {} elements, but the file has {} bytes of it", storage.count, whole.len())
        })
    }
}

/// Reads the pickle of a file.
///
/// # Errors
/// As [`super::StateDict::read`].
pub(super) fn open(file: &[u8]) -> Result<(Format, Root<'_>, Heap<'_>)> {
    let mut heap = Heap::default();
    match file {
        [b'P', b'K', ..] => Ok((Format::Zip, open_zip(file, &mut heap)?, heap)),
        [0x80, ..] => Ok((Format::Stream, open_stream(file, &mut heap)?, heap)),
        _ => bail!("is in neither of PyTorch's two formats: not a file of weights, or damaged; download it again"),
    }
}

/// One entry of an archive: its name without the folder that all entries share, and its bytes.
struct Entry {
    name: String,
    range: Range<usize>,
}

fn open_zip<'a>(file: &'a [u8], heap: &mut Heap<'a>) -> Result<Root<'a>> {
    let entries = entries(file)?;
    let find = |name: &str| entries.iter().find(|entry| entry.name == name).map(|entry| &file[entry.range.clone()]);
    if find("byteorder").is_some_and(|order| order != b"little") {
        bail!(BIG_ENDIAN);
    }
    let pickle = find("data.pkl").context("is a zip archive, but not one of PyTorch's: it has no data.pkl")?;
    let (value, _) = machine::read(pickle, heap)?;
    let places =
        entries.into_iter().filter_map(|entry| Some((entry.name.strip_prefix("data/")?.to_owned(), entry.range)));
    Ok(Root { value, places: Places(places.collect()) })
}

fn entries(file: &[u8]) -> Result<Vec<Entry>> {
    let mut archive = ZipArchive::new(Cursor::new(file))
        .map_err(|error| anyhow!("is a zip archive that is cut off or damaged ({error}); download it again"))?;
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).context("is a damaged zip archive; download it again")?;
        if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
            bail!("is a zip archive with compressed or encrypted entries, which PyTorch does not write");
        }
        let start = entry.data_start().and_then(|start| usize::try_from(start).ok());
        let size = usize::try_from(entry.size()).ok();
        let range = start.zip(size).and_then(|(start, size)| Some(start..start.checked_add(size)?));
        let range = range.filter(|range| range.end <= file.len());
        let range = range.context("is a zip archive that is cut off: an entry ends after the file")?;
        if let Some((_, name)) = entry.name()?.split_once('/') {
            entries.push(Entry { name: name.to_owned(), range });
        }
    }
    Ok(entries)
}

fn open_stream<'a>(file: &'a [u8], heap: &mut Heap<'a>) -> Result<Root<'a>> {
    let (magic, rest) = machine::read(file, heap)?;
    if magic != Value::Long(&MAGIC) {
        bail!("is a pickle, but no file of weights that torch.save wrote");
    }
    let (version, rest) = machine::read(rest, heap)?;
    if version != Value::Integer(STREAM_VERSION) {
        bail!("is a stream of pickles of a version other than {STREAM_VERSION}");
    }
    let (system, rest) = machine::read(rest, heap)?;
    refuse_big_endian(heap, system)?;
    let (value, rest) = machine::read(rest, heap)?;
    let (keys, rest) = machine::read(rest, heap)?;
    let Value::List(keys) = keys else { bail!("is a stream of pickles without a list of its storages") };
    let places = places(heap, keys, file.len() - rest.len(), rest)?;
    Ok(Root { value, places })
}

fn refuse_big_endian(heap: &Heap<'_>, system: Value<'_>) -> Result<()> {
    let Value::Dict(system) = system else { bail!("is a stream of pickles without a description of its machine") };
    let big = [Value::Text("little_endian"), Value::Bool(false)];
    if heap.items(system).chunks_exact(2).any(|pair| pair == big) {
        bail!(BIG_ENDIAN);
    }
    Ok(())
}

/// Reads the storages after the pickles: for each, its number of elements, and then the elements.
fn places(heap: &Heap<'_>, keys: usize, mut at: usize, mut rest: &[u8]) -> Result<Places> {
    let sizes: HashMap<&str, usize> =
        heap.storages.iter().map(|storage| (storage.key, element_size(storage.dtype))).collect();
    let mut places = HashMap::new();
    for key in heap.items(keys) {
        let Value::Text(key) = key else { bail!("its pickle is broken: a storage without a name") };
        let element = sizes.get(key).context("its pickle is broken: a storage that no tensor uses")?;
        let (count, content) = rest.split_first_chunk().context("is cut off: a storage is missing at its end")?;
        let size = usize::try_from(i64::from_le_bytes(*count)).ok().and_then(|count| count.checked_mul(*element));
        let left = size.and_then(|size| content.get(size..)).with_context(|| {
            format!("is cut off, or a storage is larger than the file: {} bytes are left for it", content.len())
        })?;
        let size = content.len() - left.len();
        places.insert((*key).to_owned(), at + 8..at + 8 + size);
        at += 8 + size;
        rest = left;
    }
    Ok(Places(places))
}
