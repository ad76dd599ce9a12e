//! Reads a model's pickle once and keeps it as `model.safetensors`, whose metadata says what it was made from.
//!
//! The daemon and every other command read only the safetensors. Because one file records both source and content, a
//! conversion exists completely or not at all, and one that was changed afterwards is recognised by its digest.

use std::collections::{HashMap, HashSet};
use std::io::{Seek as _, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use memmap2::Mmap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::impostor::refuse_impostor_of_weights;
use super::pickle::{Format, StateDict, StoredTensor};
use super::weights::{self, PICKLE, SHARD_INDEX, WEIGHTS, hexadecimal, is_constant, pickle_files_in, sha256_of};
use pregonero_system::files::{Existing, write_whole};

/// The metadata keys that this program writes.
const MADE_BY: &str = "pregonero.made_by";
const SOURCES: &str = "pregonero.sources";
const CONTENT: &str = "pregonero.content_sha256";
const LEFT_OUT: &str = "pregonero.left_out";

/// A file that weights were read from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    pub file: String,
    pub sha256: String,
    pub bytes: u64,
    pub format: Format,
}

/// What a `model.safetensors` records about its making.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Conversion {
    /// Program and version.
    pub made_by: String,
    /// The pickle, or its shards sorted by name.
    pub sources: Vec<Source>,
    /// Number of the source's constant masks that were left out.
    pub left_out: usize,
    /// SHA-256 of everything after the header.
    #[serde(skip)]
    content_sha256: String,
}

/// The result of [`convert()`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    pub path: PathBuf,
    pub conversion: Conversion,
    /// Whether it already existed, made from the same files.
    pub was_there: bool,
}

impl Conversion {
    /// Returns what the file at `path` records about its making; `None` if [`convert()`] did not make it, or if it
    /// was changed since. Reads the whole file.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn of(path: &Path) -> Result<Option<Self>> {
        let mut file = std::fs::File::open(path)?;
        let Ok((length, header)) = weights::read_header(&mut file) else { return Ok(None) };
        let Some(conversion) = Self::from_header(&header) else { return Ok(None) };
        file.seek(std::io::SeekFrom::Start(length))?;
        let content = weights::sha256_of_reader(&mut file)?;
        Ok(Some(conversion).filter(|conversion| conversion.content_sha256 == content))
    }

    fn from_header(header: &Map<String, Value>) -> Option<Self> {
        let metadata = header.get("__metadata__")?;
        let text = |key: &str| metadata.get(key)?.as_str();
        Some(Self {
            made_by: text(MADE_BY)?.to_owned(),
            sources: serde_json::from_str(text(SOURCES)?).ok()?,
            left_out: text(LEFT_OUT)?.parse().ok()?,
            content_sha256: text(CONTENT)?.to_owned(),
        })
    }

    /// Returns the digest of the source: of the one file, or of the shards' digests.
    pub(crate) fn source_sha256(&self) -> String {
        let digests: Vec<&str> = self.sources.iter().map(|source| source.sha256.as_str()).collect();
        match self.sources.as_slice() {
            [source] if source.file == PICKLE => source.sha256.clone(),
            _ => sha256_of(digests.concat().as_bytes()),
        }
    }

    /// Returns the names of the source files.
    #[must_use]
    pub fn source_names(&self) -> String {
        self.sources.iter().map(|source| source.file.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// Reads the pickle of the model in `folder`, whole or in shards, and writes `model.safetensors` next to it. Runs
/// none of the pickle's code.
///
/// # Errors
/// If there is no pickle, it contains anything but tensors and plain values, or a `model.safetensors` exists that was
/// not made this way; nothing is changed then.
pub fn convert(folder: &Path) -> Result<Converted> {
    let path = folder.join(WEIGHTS);
    let present = present_conversion(folder, &path)?;
    let names = pickle_files_in(folder)?.with_context(|| {
        let index = weights::PICKLE_INDEX;
        format!("{}: there is no {PICKLE} and no {index} to convert", folder.display())
    })?;
    let files: Vec<PickleFile> = names.iter().map(|name| PickleFile::open(folder, name)).collect::<Result<_>>()?;
    let sources: Vec<Source> = files.iter().map(|file| file.source.clone()).collect();
    if let Some(conversion) = present.clone().filter(|present| present.sources == sources) {
        return Ok(Converted { path, conversion, was_there: true });
    }
    let existing = if present.is_some() { Existing::Replace } else { Existing::Refuse };
    let model = Model::of(&files)?;
    let conversion = Conversion {
        made_by: concat!("pregonero ", env!("CARGO_PKG_VERSION")).to_owned(),
        sources,
        left_out: model.left_out,
        content_sha256: model.content_sha256(),
    };
    let header = model.header(&conversion)?;
    write_whole(&path, existing, |writer| model.write(&header, writer))?;
    Ok(Converted { path, conversion, was_there: false })
}

/// Returns the conversion that is in the folder already.
fn present_conversion(folder: &Path, path: &Path) -> Result<Option<Conversion>> {
    let index = folder.join(SHARD_INDEX);
    let foreign = match path.symlink_metadata() {
        Ok(_) => match Conversion::of(path).with_context(|| format!("cannot read {}", path.display()))? {
            Some(conversion) => return Ok(Some(conversion)),
            None => path,
        },
        Err(_) if index.exists() => index.as_path(),
        Err(_) => return Ok(None),
    };
    bail!(
        "{}: exists already and was not made by `pregonero models convert`; pregonero reads this file, so nothing was \
         converted. Rename it to convert the pickle",
        foreign.display()
    )
}

/// One pickle, mapped into memory.
struct PickleFile {
    path: PathBuf,
    content: Mmap,
    source: Source,
    tensors: Vec<(String, StoredTensor)>,
}

impl PickleFile {
    fn open(folder: &Path, name: &str) -> Result<Self> {
        let path = folder.join(name);
        let cannot = || format!("cannot read {}", path.display());
        let file = std::fs::File::open(&path).with_context(cannot)?;
        // SAFETY: the map is only read; if another process truncates the file meanwhile, this process ends with
        // SIGBUS, as with any file that a program maps.
        let content = unsafe { Mmap::map(&file) }.with_context(cannot)?;
        let read = || {
            refuse_impostor_of_weights(&content)?;
            StateDict::read(&content)
        };
        let state = read().with_context(|| path.display().to_string())?;
        let sha256 = sha256_of(&content);
        let source = Source { file: name.to_owned(), sha256, bytes: content.len() as u64, format: state.format };
        Ok(Self { path, content, source, tensors: state.tensors })
    }
}

/// The tensors of all shards, as they will be written.
struct Model<'a> {
    tensors: Vec<(&'a str, &'a StoredTensor, &'a [u8])>,
    /// Second names of tensors, each with the first name of the same tensor.
    twins: Vec<(&'a str, &'a str)>,
    left_out: usize,
}

impl<'a> Model<'a> {
    fn of(files: &'a [PickleFile]) -> Result<Self> {
        let mut model = Self { tensors: Vec::new(), twins: Vec::new(), left_out: 0 };
        let mut names = HashSet::new();
        for file in files {
            let mut seen = HashMap::new();
            for (name, tensor) in &file.tensors {
                if !names.insert(name.as_str()) {
                    bail!("{}: contains {name}, as another shard does", file.path.display());
                }
                if is_constant(name) {
                    model.left_out += 1;
                } else if let Some(first) = seen.get(&tensor.view()) {
                    model.twins.push((name.as_str(), *first));
                } else {
                    seen.insert(tensor.view(), name.as_str());
                    model.tensors.push((name.as_str(), tensor, &file.content[..]));
                }
            }
        }
        // As the format requires: the widest elements first, so that every value is aligned to its size.
        model.tensors.sort_by_key(|(_, tensor, _)| std::cmp::Reverse(tensor.dtype.bitsize()));
        Ok(model)
    }

    fn content_sha256(&self) -> String {
        let mut digest = Sha256::new();
        for (_, tensor, file) in &self.tensors {
            digest.update(tensor.content(file));
        }
        hexadecimal(&digest.finalize())
    }

    /// Returns the header, preceded by its length.
    fn header(&self, conversion: &Conversion) -> Result<Vec<u8>> {
        let mut metadata = Map::new();
        let sources = serde_json::to_string(&conversion.sources)?;
        let content = conversion.content_sha256.as_str();
        let left_out = conversion.left_out.to_string();
        let own =
            [(MADE_BY, conversion.made_by.as_str()), (SOURCES, &sources), (CONTENT, content), (LEFT_OUT, &left_out)];
        // Our own keys come last, so that no tensor of the same name can replace them.
        let pairs = self.twins.iter().copied().chain([("format", "pt")]).chain(own);
        metadata.extend(pairs.map(|(key, value)| (key.to_owned(), json!(value))));
        let mut header = Map::from_iter([("__metadata__".to_owned(), Value::Object(metadata))]);
        let mut at = 0;
        for (name, tensor, _) in &self.tensors {
            let end = at + tensor.size();
            let entry = json!({"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [at, end]});
            header.insert((*name).to_owned(), entry);
            at = end;
        }
        let mut text = serde_json::to_vec(&header)?;
        text.resize(text.len().next_multiple_of(8), b' ');
        Ok([&(text.len() as u64).to_le_bytes()[..], &text].concat())
    }

    fn write(&self, header: &[u8], writer: &mut dyn Write) -> std::io::Result<()> {
        writer.write_all(header)?;
        self.tensors.iter().try_for_each(|(_, tensor, file)| writer.write_all(&tensor.content(file)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ModelFiles;

    /// Copies one of the folders that `tests/data/gpt2/weights/make.py` wrote.
    fn copy_of(name: &str) -> tempfile::TempDir {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/gpt2/weights").join(name);
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(source).unwrap() {
            let path = entry.unwrap().path();
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
        folder
    }

    fn files_of(folder: &Path) -> ModelFiles {
        ModelFiles::in_folder(folder).unwrap()
    }

    #[test]
    fn a_converted_model_is_named_by_the_digest_of_its_pickle_until_it_is_changed() {
        let folder = copy_of("buffers_uint8");
        let pickle = std::fs::read(folder.path().join(PICKLE)).unwrap();
        let message = format!("{:#}", files_of(folder.path()).sha256().unwrap_err());
        assert!(message.contains("run `pregonero models convert"), "{message}");

        let converted = convert(folder.path()).unwrap();
        assert!(!converted.was_there);
        let conversion = &converted.conversion;
        let [source] = conversion.sources.as_slice() else { panic!("{conversion:?}") };
        assert_eq!((source.file.as_str(), source.format, source.bytes), (PICKLE, Format::Stream, pickle.len() as u64));
        assert_eq!((&source.sha256, conversion.left_out), (&sha256_of(&pickle), 4));
        let files = files_of(folder.path());
        assert_eq!(files.sha256().unwrap(), sha256_of(&pickle));
        assert_eq!(files.conversion().unwrap().as_ref(), Some(conversion));
        assert!(files.parameters().unwrap() > 0 && files.types().unwrap().into_iter().eq(["f32"]));

        let mut content = std::fs::read(&converted.path).unwrap();
        *content.last_mut().unwrap() ^= 1;
        std::fs::write(&converted.path, &content).unwrap();
        assert_eq!(files.sha256().unwrap(), sha256_of(&content), "it is no longer what the pickle held");
        assert_eq!(files.conversion().unwrap(), None);
    }

    #[test]
    fn shards_become_one_file_that_is_named_by_their_digests() {
        let folder = copy_of("sharded_stream");
        let converted = convert(folder.path()).unwrap();
        let names = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"];
        assert_eq!(converted.conversion.source_names(), names.join(", "));
        let digest = |name: &str| sha256_of(&std::fs::read(folder.path().join(name)).unwrap());
        let digests = names.map(digest).concat();
        assert_eq!(files_of(folder.path()).sha256().unwrap(), sha256_of(digests.as_bytes()));
    }

    #[test]
    fn converting_again_does_nothing_until_the_pickle_is_another_one() {
        let folder = copy_of("zip");
        convert(folder.path()).unwrap();
        let made = std::fs::metadata(folder.path().join(WEIGHTS)).unwrap().modified().unwrap();
        assert!(convert(folder.path()).unwrap().was_there);
        assert_eq!(std::fs::metadata(folder.path().join(WEIGHTS)).unwrap().modified().unwrap(), made);

        std::fs::copy(copy_of("untied").path().join(PICKLE), folder.path().join(PICKLE)).unwrap();
        let again = convert(folder.path()).unwrap();
        assert!(!again.was_there);
        assert_eq!(files_of(folder.path()).sha256().unwrap(), again.conversion.sources[0].sha256);
    }

    #[test]
    fn a_file_that_it_did_not_make_is_never_replaced() {
        for (name, content) in [(WEIGHTS, "abc"), (WEIGHTS, ""), (SHARD_INDEX, "{}")] {
            let folder = copy_of("zip");
            std::fs::write(folder.path().join(name), content).unwrap();
            let message = format!("{:#}", convert(folder.path()).unwrap_err());
            assert!(message.contains(&format!("{name}: exists already and was not made by")), "{message}");
            assert_eq!(std::fs::read_to_string(folder.path().join(name)).unwrap(), content);
        }
    }

    #[test]
    fn a_source_that_is_none_is_named_and_nothing_is_written() {
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
        for (content, said) in [
            (pointer, "is a Git LFS pointer"),
            ("<!DOCTYPE html><html>", "is an HTML page"),
            ("", "is empty"),
            ("PK\u{3}\u{4}", "cut off or damaged"),
            ("\u{1}\u{2}", "neither of PyTorch's two formats"),
        ] {
            let folder = copy_of("zip");
            std::fs::write(folder.path().join(PICKLE), content).unwrap();
            let message = format!("{:#}", convert(folder.path()).unwrap_err());
            assert!(message.contains(&format!("{PICKLE}: ")) && message.contains(said), "{message}");
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "nothing half-written");
        }
        let folder = copy_of("zip");
        std::fs::remove_file(folder.path().join(PICKLE)).unwrap();
        let message = format!("{:#}", convert(folder.path()).unwrap_err());
        assert!(message.contains("there is no pytorch_model.bin"), "{message}");
    }
}
