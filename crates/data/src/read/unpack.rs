//! Unpacks: gzip, xz, zstd as streams, the members of zip files one by one.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::{Context as _, Result, ensure};
use tempfile::NamedTempFile;
use zip::ZipArchive;

use super::pump::{Counting, pumped};
use super::sniff::Packing;

/// The memory that a xz file may ask for, in KiB: a dictionary of 256 MiB is far beyond what `xz -9` asks for.
const XZ_MEMORY: u32 = 300 * 1024;

/// How many members a zip file may have.
const MEMBERS: usize = 100_000;

/// The largest packed file inside another that is copied to disk, to be read from there.
const LARGEST_COPY: u64 = 64 << 30;

/// Returns what a packed stream contains.
pub(super) fn unpacked(packing: Packing, packed: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
    let count = Arc::new(AtomicU64::new(0));
    let packed = Counting { inner: packed, count: Arc::clone(&count) };
    Box::new(pumped(count, move |sink| {
        let packed = BufReader::with_capacity(1 << 16, packed);
        let copied = match packing {
            Packing::Gzip => io::copy(&mut flate2::bufread::MultiGzDecoder::new(packed), sink),
            Packing::Xz => io::copy(&mut lzma_rust2::XzReader::new_mem_limit(packed, true, XZ_MEMORY), sink),
            Packing::Zstd => io::copy(&mut zstd::Decoder::with_buffer(packed)?, sink),
            Packing::Zip | Packing::Parquet | Packing::None => io::copy(&mut { packed }, sink),
        };
        copied.map(|_| ()).map_err(|error| damaged(packing, error))
    }))
}

fn damaged(packing: Packing, error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::BrokenPipe || error.to_string().contains("thousandfold") {
        return error;
    }
    let name = packing.name();
    io::Error::new(
        error.kind(),
        format!("the {name} data is damaged or ends too early ({error}): fetch the file again"),
    )
}

/// A file that can be opened again and again.
#[derive(Debug, Clone)]
pub(super) enum OnDisk {
    Path(PathBuf),
    Copy(Arc<NamedTempFile>),
}

impl OnDisk {
    /// Copies a stream to disk.
    ///
    /// # Errors
    /// If it cannot be read or written, or is too large.
    pub(super) fn copy_of(stream: Box<dyn Read + Send>) -> Result<Self> {
        let mut copy = NamedTempFile::new().context("cannot create a temporary file")?;
        let count =
            io::copy(&mut stream.take(LARGEST_COPY + 1), &mut copy).context("cannot copy to a temporary file")?;
        ensure!(count <= LARGEST_COPY, "larger than {LARGEST_COPY} bytes: unpack it first");
        copy.rewind()?;
        Ok(Self::Copy(Arc::new(copy)))
    }

    /// Opens the file at its beginning.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(super) fn open(&self) -> io::Result<File> {
        match self {
            Self::Path(path) => File::open(path),
            Self::Copy(copy) => copy.reopen(),
        }
    }
}

/// A member of a zip file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) index: usize,
    pub(super) name: String,
    packed: u64,
}

/// Returns the files in a zip file, in its order, without those that systems add.
///
/// # Errors
/// If it is no whole zip file or has too many members.
pub(super) fn members_of(zip: &OnDisk) -> Result<Vec<Member>> {
    let mut archive = ZipArchive::new(BufReader::new(zip.open()?)).context("not a whole zip file: fetch it again")?;
    ensure!(archive.len() <= MEMBERS, "{} files in one zip file: unpack it first", archive.len());
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).context("a damaged zip file: fetch it again")?;
        let name = member.name().map_or_else(|_| format!("file {index}"), std::borrow::Cow::into_owned);
        if !member.is_dir() && !name.starts_with("__MACOSX/") && !name.ends_with(".DS_Store") {
            members.push(Member { index, name, packed: member.compressed_size() });
        }
    }
    Ok(members)
}

/// Returns the contents of a member.
pub(super) fn member_of(zip: OnDisk, member: &Member) -> Box<dyn Read + Send> {
    let index = member.index;
    Box::new(pumped(Arc::new(AtomicU64::new(member.packed)), move |sink| {
        let mut archive = ZipArchive::new(BufReader::new(zip.open()?)).map_err(io::Error::other)?;
        let mut member = archive.by_index(index).map_err(|error| match error {
            zip::result::ZipError::UnsupportedArchive(what) => {
                io::Error::other(format!("packed in a way that is not read here ({what}): unpack the zip file first"))
            }
            error => io::Error::other(error),
        })?;
        io::copy(&mut member, sink).map(|_| ())
    }))
}
